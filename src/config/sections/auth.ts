import { Type } from 'typebox';
import { AUTHORITY, choice, section, whole } from './section.ts';

const text = (value: string, description: string) => Type.String({ default: value, description });
const cityClaim = (who: string) =>
  text(
    '',
    `Claim with the cities that ${who} may see: ids, country:XX and tag:WORD, or all; empty means ` +
      'that all are seen.',
  );
const skew = () => whole(30, 0, 300, 'Seconds by which the clocks may differ.');

export const AUTH = section('Who may ask.', {
  mode: choice(
    ['none', 'local', 'oidc', 'proxy'],
    'none',
    'none: everyone who reaches the server, which then listens on this machine alone; local: the ' +
      'users of `isobar users`; oidc: the users of an OpenID Connect provider; proxy: the users ' +
      'that a reverse proxy has checked. Programs use a key of `isobar keys` in each of the last three.',
  ),
  session_idle_m: whole(60, 1, 43_200, 'Minutes without a request after which a session ends.'),
  session_max_h: whole(12, 1, 8_760, 'Hours after which a session ends in any case.'),
  roles: text(
    '',
    'Roles by group of the provider, the issuer or the proxy: GROUP=ROLE, separated by semicolons, ' +
      'such as weather-admins=admin; staff=viewer. Of several the highest counts; without one the ' +
      'login is refused.',
  ),
  oidc: section('Single sign-on with an OpenID Connect provider.', {
    issuer: text('', 'Address of the provider, as its discovery document names it.'),
    client_id: text('', 'Name of isobar at the provider.'),
    client_secret: Type.String({
      default: '',
      description: 'Secret of isobar at the provider.',
      secret: true,
    }),
    tls_authority: text('', AUTHORITY),
    label: text('single sign-on', 'What the login is called on the page: Log in with …'),
    page_url: text(
      '',
      'Address of the page as browsers reach it; the provider sends them back to ' +
        'api/oidc/callback below it. Empty means the address that the request came to.',
    ),
    scopes: text('openid profile', 'What is asked of the provider, separated by blanks.'),
    name_claim: text('preferred_username', 'Claim with the name of the user; without it, sub.'),
    role_claim: text(
      'groups',
      'Claim with the groups of the user, of which api.auth.roles makes a role; dots lead into ' +
        'objects: realm_access.roles.',
    ),
    city_claim: cityClaim('the user'),
    passwords: Type.Boolean({
      default: false,
      description: 'Whether the users of `isobar users` may log in as well, by password.',
    }),
    require_logout_type: Type.Boolean({
      default: false,
      description:
        'Whether logout tokens of the provider have to be of the type logout+jwt; otherwise those ' +
        'of the type JWT, or without a type, are accepted as well.',
    }),
    clock_skew_s: skew(),
  }),
  proxy: section('A login that a reverse proxy passes on.', {
    addresses: text(
      '',
      'Addresses and networks of the proxies, such as 127.0.0.1, 10.0.0.0/8, separated by commas; ' +
        'a request from elsewhere that has the header is refused.',
    ),
    user_header: text('x-forwarded-user', 'Header with the name of the user.'),
    role_header: text(
      '',
      'Header with the groups of the user, separated by commas, of which api.auth.roles makes a role.',
    ),
    city_header: text(
      '',
      'Header with the cities that the user may see: ids, country:XX and tag:WORD, separated by ' +
        'commas, or all; empty means that every user sees all.',
    ),
    role: choice(
      ['viewer', 'operator', 'admin'],
      'viewer',
      'Role of every user without a role_header.',
    ),
    logout_url: text('', 'Address of the proxy that ends its login; empty means none.'),
  }),
  tokens: section('Tokens (JWT) of an issuer, for programs, where mode is local or oidc.', {
    issuer: text('', 'The issuer, as the claim iss names it; empty means that none is accepted.'),
    audience: text('', 'What the claim aud has to name.'),
    jwks_url: text(
      '',
      'Address of the keys of the issuer; empty means what its discovery document names.',
    ),
    tls_authority: text('', AUTHORITY),
    algorithms: text(
      'RS256, PS256, ES256, EdDSA',
      'Algorithms of signatures that are accepted, separated by commas.',
    ),
    name_claim: text('sub', 'Claim with the name of the program.'),
    role_claim: text('groups', 'Claim with its groups, of which api.auth.roles makes a role.'),
    city_claim: cityClaim('the program'),
    max_age_m: whole(1_440, 1, 525_600, 'Minutes for which a token is accepted at most.'),
    clock_skew_s: skew(),
  }),
});
