/** The oldest Node.js that runs this program: it strips types and has `node:sqlite`. */
export const NODE_VERSION_LEAST = '24.11.0';

/** Says what to do and exits with 2 when this Node.js is too old. */
export function assertNodeVersion(version: string): void {
  if (!isOlder(version, NODE_VERSION_LEAST)) return;
  process.stderr.write(
    `isobar: this is Node.js ${version}, but it needs ${NODE_VERSION_LEAST} or newer.\n` +
      '  Install a newer one from https://nodejs.org, or run `npm start` in the repository, ' +
      'which brings its own.\n',
  );
  process.exit(2);
}

/** Whether version `a` comes before `b`, both like `24.11.0`. */
export function isOlder(a: string, b: string): boolean {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
