/**
 * The path below which visitors reach this server (`api.base_path`): `/weather/api/cities`.
 *
 * A reverse proxy may pass it on or take it away, so every address is answered with it and without.
 */

/** `/weather/api/cities?city=a` → `/api/cities?city=a` */
export function withoutBase(url: string, basePath: string): string {
  return basePath !== '' && url.startsWith(`${basePath}/`) ? url.slice(basePath.length) : url;
}

/** `/api/cities?city=a` → `/api/cities` */
export function pathOf(url: string): string {
  return url.split('?')[0] ?? '';
}

/** `/api/cities?city=a` → `?city=a` */
export function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at);
}
