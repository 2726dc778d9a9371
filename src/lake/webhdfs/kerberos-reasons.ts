/** What Kerberos' libraries say, here and in the NameNode, in our words: what to do about it. */

export interface WhoLogsIn {
  readonly principal: string;
  readonly keytab: string;
}

type Reason = readonly [said: RegExp, text: (who: WhoLogsIn) => string];

const CLOCKS =
  'the clocks of this machine, of the KDC and of the NameNode differ by more than Kerberos allows ' +
  '(5 minutes); set them by NTP';

/** The first that fits. */
const REASONS: readonly Reason[] = [
  [/Clock skew|not yet valid/i, () => CLOCKS],
  [
    /Server .*not found in Kerberos database|SERVER_NOT_FOUND|Server not found/i,
    () =>
      'the KDC has no principal HTTP/… of this NameNode; give the host in lake.hdfs.namenodes the ' +
      'name that its principal has',
  ],
  [
    /Client .*not found in Kerberos database|CLIENT_NOT_FOUND/i,
    (who) => `the KDC does not know the principal ${named(who)}`,
  ],
  [
    /Decrypt integrity check failed|Preauthentication failed|Password incorrect/i,
    (who) =>
      `the key in ${source(who)} is not the one that the KDC has for ${named(who)}; export the ` +
      'keytab again',
  ],
  [
    /revoked|entry in database has expired|Password has expired|key expired/i,
    (who) => `the KDC has locked the principal ${named(who)}, or it has expired`,
  ],
  [
    /Ticket expired|credentials? (have|has) expired|already expired/i,
    (who) => `the ticket has expired; ${remedy(who)}`,
  ],
  [
    /Can't find client principal|no suitable keys|No key table entry|No credentials cache found|No Kerberos credentials|cannot find mechanisms|Matching credential not found/i,
    (who) =>
      who.keytab === ''
        ? `no ticket was found${who.principal === '' ? '' : ` of ${who.principal}`}; ${remedy(who)}`
        : `${who.keytab} holds no key of ${named(who)}; \`klist -k ${who.keytab}\` shows what it holds`,
  ],
  [
    /Cannot contact any KDC/i,
    () => 'no KDC answers; see the addresses of the realm in krb5.conf, and whether the KDC runs',
  ],
  [
    /Cannot find KDC|Cannot determine realm|default realm|onfiguration file|Included profile/i,
    () => 'krb5.conf does not name the KDC of the realm, or cannot be read',
  ],
];

export function kerberosReason(said: string, who: WhoLogsIn): string {
  const found = REASONS.find(([pattern]) => pattern.test(said));
  return found?.[1](who) ?? 'the Kerberos library refuses the login; `kinit` shows more';
}

/** Whether the same may succeed later. */
export function isPassingFailure(said: string): boolean {
  return /Cannot contact any KDC/i.test(said);
}

/** Why a NameNode refused a ticket, from its page; null when that says nothing of it. */
export function refusedTicketReason(page: string): string | null {
  if (/Clock skew|not yet valid/i.test(page)) return CLOCKS;
  if (/Ticket expired/i.test(page)) return 'the ticket has expired';
  if (/Checksum failed|AP REP|Specified version of key is not available/i.test(page)) {
    return "the NameNode's keytab does not hold the key that the KDC uses; export it again";
  }
  if (/No rules applied to/i.test(page)) {
    return 'the NameNode maps the principal to no user (hadoop.security.auth_to_local)';
  }
  return null;
}

function named({ principal, keytab }: WhoLogsIn): string {
  if (principal !== '') return principal;
  return keytab === '' ? 'of the ticket' : `of ${keytab}`;
}

function source({ keytab }: WhoLogsIn): string {
  return keytab === '' ? 'the ticket cache' : keytab;
}

function remedy({ keytab }: WhoLogsIn): string {
  return keytab === '' ? 'run kinit, or set lake.hdfs.keytab_file' : 'see the clock of the KDC';
}
