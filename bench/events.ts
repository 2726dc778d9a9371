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
