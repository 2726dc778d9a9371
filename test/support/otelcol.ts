/** The real OpenTelemetry Collector, built from Go modules, for the tests of what is exported. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const SOURCE = join(import.meta.dirname, '..', 'otelcol');
const PROGRAM = join(import.meta.dirname, '..', '..', '.cache', 'otelcol');

/** The program; null without Go. The first build takes some minutes, later ones a second. */
export async function findCollector(): Promise<string | null> {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
  } catch {
    return null;
  }
  mkdirSync(dirname(PROGRAM), { recursive: true });
  const args = ['build', '-trimpath', '-ldflags=-s -w', '-o', PROGRAM, '.'];
  await promisify(execFile)('go', args, { cwd: SOURCE });
  return PROGRAM;
}

export interface CollectorSpan {
  readonly traceId: string;
  readonly parentId: string;
  readonly spanId: string;
  readonly name: string;
  readonly kind: string;
  readonly status: string;
}

export interface RealCollector extends AsyncDisposable {
  readonly url: string;
  readonly process: ChildProcess;
  /** What it has printed so far. */
  readonly output: () => string;
  readonly spans: () => readonly CollectorSpan[];
}

/** Resolves once it listens. */
export async function startCollector(program: string, folder: string): Promise<RealCollector> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { readonly port: number };
  probe.close();
  await once(probe, 'close');
  const config = join(folder, 'otelcol.yaml');
  const endpoint = `127.0.0.1:${port}`;
  writeFileSync(
    config,
    JSON.stringify({
      receivers: { otlp: { protocols: { http: { endpoint } } } },
      exporters: { debug: { verbosity: 'detailed' } },
      service: {
        telemetry: { metrics: { level: 'none' } },
        pipelines: { traces: { receivers: ['otlp'], exporters: ['debug'] } },
      },
    }),
  );
  const child = spawn(program, ['--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'exit');
  while (!output.includes('Everything is ready')) {
    const isUp = await Promise.race([
      once(child.stderr, 'data').then(() => true),
      ended.then(() => false),
    ]);
    if (!isUp) throw new Error(`the collector ended: ${output}`);
  }
  return {
    url: `http://${endpoint}`,
    process: child,
    output: () => output,
    spans: () => readSpans(output),
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

/** Of the text that its exporter `debug` prints. */
function readSpans(text: string): CollectorSpan[] {
  return text
    .split(/^Span #\d+$/m)
    .slice(1)
    .map((span) => {
      const of = (name: string) => new RegExp(`^ +${name} *: (.*)$`, 'm').exec(span)?.[1] ?? '';
      return {
        traceId: of('Trace ID'),
        parentId: of('Parent ID'),
        spanId: of('ID'),
        name: of('Name'),
        kind: of('Kind'),
        status: of('Status code'),
      };
    });
}
