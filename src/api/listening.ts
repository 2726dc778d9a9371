import { IsobarError } from '../errors.ts';

interface Place {
  readonly host: string;
  readonly port: number;
  /** Section of the setting `host`. */
  readonly section?: string;
}

/**
 * Why a server cannot listen there:
 * EADDRINUSE → PORT_TAKEN · EACCES, EPERM → PORT_FORBIDDEN · a host that is not known, or not of
 * this machine → CONFIG_INVALID · others stay as they are.
 */
export function translateListenError(
  error: unknown,
  { host, port, section = 'api' }: Place,
): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const cause = { cause: error };
  const shown = JSON.stringify(host);
  switch (code) {
    case 'EADDRINUSE':
      return new IsobarError('PORT_TAKEN', `port ${port} of ${host} (${code})`, cause);
    case 'EACCES':
    case 'EPERM':
      return new IsobarError('PORT_FORBIDDEN', `port ${port} of ${host} (${code})`, cause);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
      return unfit(`${section}.host: unknown host ${shown} (${code})`);
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return unfit(`${section}.host: ${shown} is not an address of this machine (${code})`);
    default:
      return error;
  }

  function unfit(text: string): IsobarError {
    const expected = 'expected an address of this machine, such as 127.0.0.1, ::1 or 0.0.0.0';
    return new IsobarError('CONFIG_INVALID', `${text}; ${expected}`, cause);
  }
}
