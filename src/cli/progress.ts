/** A bar that redraws itself on a terminal; elsewhere a line every few seconds. */
export interface Progress {
  update(done: number, about: number | null): void;
  /** Takes the bar away. */
  end(): void;
}

/** Back to the start of the line, and clear it. */
const REDRAW = '\r\u001b[K';
const REDRAW_MS = 100;
const LINE_MS = 5_000;
const WIDTH = 30;

export function openProgress(
  what: string,
  report: (text: string) => void,
  isTerminal: boolean = process.stderr.isTTY === true,
): Progress {
  const startedAt = performance.now();
  let toldAt = startedAt;
  return {
    update(done, about) {
      const now = performance.now();
      if (now - toldAt < (isTerminal ? REDRAW_MS : LINE_MS)) return;
      toldAt = now;
      const seconds = (now - startedAt) / 1_000;
      const rate = `${Math.round(done / seconds).toLocaleString('en')}/s`;
      const count = `${done.toLocaleString('en')} ${what}, ${rate}`;
      if (!isTerminal) return report(`${count}\n`);
      report(`${REDRAW}${formatBar(done, about)}${count}`);
    },
    end() {
      if (isTerminal) report(REDRAW);
    },
  };
}

/** The bar's own control sequence at the start of a text, and the rest, which has none. */
export function splitRedraw(text: string): [string, string] {
  return text.startsWith(REDRAW) ? [REDRAW, text.slice(REDRAW.length)] : ['', text];
}

function formatBar(done: number, about: number | null): string {
  if (about === null || about === 0) return '';
  const share = Math.min(1, done / about);
  const filled = Math.round(share * WIDTH);
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `[${'='.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${percent} %  `;
}
