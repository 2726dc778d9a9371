/**
 * Codes of a METAR in words: present weather (WMO-No. 306, code table 4678) and the cover of the sky.
 */

const QUALITIES: Readonly<Record<string, string>> = {
  MI: 'shallow ',
  BC: 'patches of ',
  PR: 'partial ',
  DR: 'drifting ',
  BL: 'blowing ',
  FZ: 'freezing ',
  SH: '',
  TS: '',
};

const PHENOMENA: Readonly<Record<string, string>> = {
  DZ: 'drizzle',
  RA: 'rain',
  SN: 'snow',
  SG: 'snow grains',
  IC: 'ice crystals',
  PL: 'ice pellets',
  PE: 'ice pellets',
  GR: 'hail',
  GS: 'small hail',
  UP: 'unknown precipitation',
  BR: 'mist',
  FG: 'fog',
  FU: 'smoke',
  VA: 'volcanic ash',
  DU: 'dust',
  SA: 'sand',
  HZ: 'haze',
  PY: 'spray',
  PO: 'dust whirls',
  SQ: 'squalls',
  FC: 'funnel cloud',
  SS: 'sandstorm',
  DS: 'duststorm',
};

const INTENSITIES: Readonly<Record<string, string>> = { '-': 'light ', '+': 'heavy ', '': '' };
const GROUP = new RegExp(
  `^([-+]?)(VC)?((?:${Object.keys(QUALITIES).join('|')})*)((?:${Object.keys(PHENOMENA).join('|')})*)$`,
);
/** Forms of precipitation that are frozen, whose water is not rain. */
const FROZEN = /SN|SG|IC|PL|PE|GR|GS|UP/;

/** `-SHRA BR` → `light rain showers, mist`; a group that is not of the table stays as it is. */
export function weatherInWords(text: string): string {
  return text.trim().split(/\s+/).map(groupInWords).join(', ');
}

export function isFrozen(text: string): boolean {
  return FROZEN.test(text);
}

function groupInWords(group: string): string {
  const [, intensity = '', vicinity, qualities = '', phenomena = ''] = GROUP.exec(group) ?? [];
  if (qualities + phenomena === '') return group;
  const near = vicinity === undefined ? '' : ' in the vicinity';
  const nouns = pairs(phenomena).map((code) => PHENOMENA[code]);
  const words = pairs(qualities).map((code) => QUALITIES[code]);
  const isShower = qualities.includes('SH');
  const what = `${INTENSITIES[intensity]}${words.join('')}${nouns.join(' and ')}`;
  const falling = isShower ? `${what} showers`.replace(/ {2,}/, ' ').trimStart() : what;
  if (!qualities.includes('TS')) return `${falling}${near}`;
  const storm = intensity === '+' && nouns.length === 0 ? 'heavy thunderstorm' : 'thunderstorm';
  return nouns.length === 0 ? `${storm}${near}` : `${storm} with ${falling}${near}`;
}

function pairs(codes: string): string[] {
  return codes.match(/../g) ?? [];
}

interface Cover {
  readonly words: string;
  /** The middle of the eighths that the code stands for, in per cent. */
  readonly percent: number;
}

/** FEW is 1 to 2 eighths of the sky, SCT 3 to 4, BKN 5 to 7; OVX is a sky that cannot be seen. */
const COVERS: Readonly<Record<string, Cover>> = {
  SKC: { words: 'clear sky', percent: 0 },
  CLR: { words: 'clear sky', percent: 0 },
  NCD: { words: 'clear sky', percent: 0 },
  FEW: { words: 'few clouds', percent: 18.75 },
  SCT: { words: 'scattered clouds', percent: 43.75 },
  BKN: { words: 'broken clouds', percent: 75 },
  OVC: { words: 'overcast clouds', percent: 100 },
  OVX: { words: 'sky obscured', percent: 100 },
};

/**
 * The largest cover of the layers; null without one. CAVOK and NSC say that no cloud matters to
 * aviation, not that there is none.
 */
export function coverOf(codes: readonly string[]): Cover | null {
  const covers = codes.flatMap((code) => COVERS[code] ?? []);
  return covers.reduce<Cover | null>(
    (most, cover) => (most === null || cover.percent > most.percent ? cover : most),
    null,
  );
}
