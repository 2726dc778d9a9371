/** What the benches share of the API's event stream, and of the times they take from it. */

/** The texts of the events as they come; ends when the signal is aborted. */
export async function* readEvents(url: string, signal: AbortSignal): AsyncGenerator<string> {
  try {
    const response = await fetch(`${url}/api/events`, { signal });
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString('utf8');
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      yield* events;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** To a tenth. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? 0) * 10) / 10;
}
