/** The words of quality control in German. */
import type { Words } from '../words/en.ts';

export const deQuality: Words['quality'] = {
  failed: (city) => `Fehlerhaft in ${city}:`,
  suspect: (city) => `Fragwürdig in ${city}:`,
  found: {
    step: (expected) => `änderte sich zu schnell von ${expected}`,
    spike: (expected) => `sprang von ${expected} weg und zurück`,
    persistence: () => 'hat sich seit Stunden nicht geändert',
    buddies: (expected) => `das Mittel der Nachbarn ist ${expected}`,
    consistency: (expected) => `nach den Nachbarn wären ${expected} zu erwarten`,
    bias: (expected) => `weicht immer ab; nach den Nachbarn wären ${expected} zu erwarten`,
  },
  internal: {
    gust: 'eine Böe liegt unter dem mittleren Wind',
    pressure: 'passt zur Höhe der Station, nicht zum Meeresspiegel',
  },
  dewPoint: (value, expected) =>
    `der Taupunkt wäre ${value}; nach den Nachbarn wären ${expected} zu erwarten`,
};
