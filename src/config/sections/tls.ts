import { Type } from 'typebox';
import { choice, section, whole } from './section.ts';

export const TLS = section('HTTPS of the server itself (docs/security.md).', {
  certificate_file: Type.String({
    default: '',
    description:
      'PEM file with the certificate of the server, then those between it and the authority; ' +
      'empty means plain HTTP. Both files are read again when they change.',
  }),
  key_file: Type.String({
    default: '',
    description: 'PEM file with the private key, which only its owner may read (chmod 600).',
  }),
  minimum: choice(['1.2', '1.3'], '1.2', 'Least version of TLS.'),
  redirect_port: whole(
    0,
    0,
    65_535,
    'Port of plain HTTP on which browsers are sent on to https, and programs refused; 0 means none.',
  ),
  hsts_days: whole(
    365,
    0,
    3_650,
    'Days for which browsers remember to come by https only (HSTS); not sent to ' +
      'localhost; 0 means never.',
  ),
  hsts_subdomains: Type.Boolean({
    default: false,
    description:
      'Whether that holds for all names below that of the server, too: set it where each of them ' +
      'speaks HTTPS.',
  }),
});
