/** `certificate make`: a private authority, and a certificate that it signs. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { makeCertificate } from '../../api/tls/authority.ts';
import { DAYS_MAX } from '../../api/tls/signing.ts';
import { IsobarError } from '../../errors.ts';
import { type Environment, prepare } from '../environment.ts';

interface MakeOptions {
  readonly folder?: string;
  readonly days: string;
  readonly force?: boolean;
}

export function certificateCommand(program: Command, environment: Environment): void {
  const certificate = program
    .command('certificate')
    .description('make a certificate for HTTPS, signed by an authority of your own')
    .helpCommand(false);
  certificate
    .command('make <name...>')
    .description('make a certificate for these host names and addresses')
    .option('--folder <folder>', 'folder of the files (default: tls in the data folder)')
    .option('--days <number>', `days that it is valid, ${DAYS_MAX} at most`, String(DAYS_MAX))
    .option('--force', 'replace a certificate that is there; the authority always stays')
    .addHelpText(
      'after',
      `
For machines of your own, where no public authority gives certificates: browsers accept it once they
trust the authority, which is made the first time. Guard authority.key: whoever has it can pretend to
be any site to those who trust the authority. A public name gets its certificate from Let’s Encrypt
through a reverse proxy or certbot.

Examples:
  isobar certificate make weather.example.lan 192.168.1.20 localhost
  isobar certificate make weather.example.lan --force     the same again, before it ends`,
    )
    .action(async (names: string[], options: MakeOptions, command: Command) => {
      const { config, json } = prepare(environment, command);
      const folder = options.folder ?? join(config.data, 'tls');
      const days = parseDays(options.days);
      const made = await makeCertificate({
        ...{ folder, names, days, replace: options.force === true, now: new Date() },
      });
      environment.print(json ? `${JSON.stringify(made)}\n` : formatMade(made));
    });
}

function parseDays(text: string): number {
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= DAYS_MAX) return days;
  const got = JSON.stringify(text);
  throw new IsobarError('USAGE', `--days: expected a number from 1 to ${DAYS_MAX}; got ${got}`);
}

function formatMade(made: Awaited<ReturnType<typeof makeCertificate>>): string {
  const { authority_file, certificate_file, key_file, names, expires_at, made_authority } = made;
  return `${made_authority ? 'made an authority and' : 'made'} a certificate for ${names.join(', ')}
valid until ${expires_at}

Set, in isobar.yaml or as variables:
  api:
    tls:
      certificate_file: ${JSON.stringify(certificate_file)}
      key_file: ${JSON.stringify(key_file)}

Have visitors trust the authority, once: give them ${authority_file}
  Debian, Ubuntu  copy it to /usr/local/share/ca-certificates/isobar.crt; update-ca-certificates
  Fedora          copy it to /etc/pki/ca-trust/source/anchors/; update-ca-trust
  macOS           security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db FILE
  Windows         certutil -user -addstore Root FILE
  Firefox         Settings, Privacy & Security, View Certificates, Authorities, Import
  curl            curl --cacert FILE https://…
  Node.js         NODE_EXTRA_CA_CERTS=FILE
`;
}
