/**
 * The 49,233 passwords that occur more than ten times among the ten million that Mark Burnett gathered from
 * breaches, as the package @zxcvbn-ts/language-common ships them. Few of them are as long as a password has
 * to be here: people get there by joining two, by repeating one, or by signs before, after and between, so
 * these are refused as well, which makes 800 million of the length that is asked for.
 */

let loading: Promise<ReadonlySet<string>> | null = null;

/** Loaded when a password is first set: a server that only checks passwords does without it. */
async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  const listed = dictionary['passwords-common'];
  return new Set([...listed, ...listed.map(withoutSigns).filter((text) => text !== '')]);
}

/** Whether the password as a whole is one that guesses begin with; a passphrase may contain such words. */
export async function isFrequentPassword(password: string): Promise<boolean> {
  loading ??= load();
  const frequent = await loading;
  const text = password.normalize('NFC').toLowerCase();
  const forms = [text, withoutSigns(text)].flatMap(unitsOf);
  return forms.some((form) => isJoined(form, frequent));
}

function withoutSigns(text: string): string {
  return text.replace(/[^\p{L}\p{N}]/gu, '');
}

/** What it is a repetition of, itself among them: `abababab` → `ab`, `abab`, `abababab` */
function unitsOf(text: string): readonly string[] {
  const { length } = text;
  return Array.from({ length }, (_, at) => text.slice(0, at + 1)).filter(
    (unit) => length % unit.length === 0 && unit.repeat(length / unit.length) === text,
  );
}

/** One of them, or two. */
function isJoined(text: string, frequent: ReadonlySet<string>): boolean {
  if (frequent.has(text)) return true;
  return Array.from(text, (_, at) => at).some(
    (at) => frequent.has(text.slice(0, at)) && frequent.has(text.slice(at)),
  );
}
