/**
 * A leash for what a test must not leave behind: when this process has gone, however it went, a
 * small shell kills the processes, takes the mounts off and removes the folder.
 */
import { spawn, spawnSync } from 'node:child_process';

export interface Leash extends Disposable {
  /** Kills this process too when we die; until it is let go. */
  hold(pid: number): void;
  letGo(pid: number): void;
}

/**
 * Only we hold its input open: the last line before the end says which processes there are. Those
 * that hang are killed as well, and what they held has time to end before the folder goes.
 */
const WATCH = `
pids=
while read -r line; do pids=$line; done
for pid in $pids; do kill -KILL "$pid"; done
[ -n "$1" ] || exit 0
sleep 3
`;

/** The rest is removed even if a disk that a killed test left mounted cannot be. */
const REMOVE = `
[ ! -r /proc/mounts ] || while read -r _ place _; do
  case $place in "$1"/*) umount -l "$place";; esac
done </proc/mounts
rm -rf "$1"
`;

/** The folder is removed only when this process dies without disposing of the leash. */
export function openLeash(folder = ''): Leash {
  const pids = new Set<number>();
  const shell = spawn('/bin/sh', ['-c', `${WATCH}${REMOVE}`, 'leash', folder], {
    // A group of its own: Ctrl-C at the terminal is for us.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  shell.stdin.on('error', () => {});
  const report = () => shell.stdin.write(`${[...pids].join(' ')}\n`);
  return {
    hold(pid) {
      pids.add(pid);
      report();
    },
    letGo(pid) {
      pids.delete(pid);
      report();
    },
    [Symbol.dispose]() {
      shell.kill('SIGKILL');
    },
  };
}

export function removeFolder(folder: string): void {
  spawnSync('/bin/sh', ['-c', REMOVE, 'remove', folder], { stdio: 'inherit' });
}

/** Ends this process when its parent dies: a runner that is killed takes its tests with it. */
export function followParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, 500).unref();
}
