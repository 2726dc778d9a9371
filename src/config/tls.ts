/** What settings of `api.tls` need of each other. */
import type { Config } from './schema.ts';

export function tlsProblems({ port, tls }: Config['api']): string[] {
  const { certificate_file, key_file, redirect_port } = tls;
  const problems: string[] = [];
  for (const [missing, value, other] of [
    ['api.tls.certificate_file', certificate_file, key_file],
    ['api.tls.key_file', key_file, certificate_file],
  ] as const) {
    if (value === '' && other !== '') {
      problems.push(`${missing}: expected a file as well; HTTPS needs a certificate and its key`);
    }
  }
  if (redirect_port === 0) return problems;
  if (certificate_file === '' && key_file === '') {
    problems.push('api.tls.redirect_port: expected api.tls.certificate_file and key_file as well');
  } else if (redirect_port === port) {
    problems.push(`api.tls.redirect_port: expected another port than api.port, which is ${port}`);
  }
  return problems;
}
