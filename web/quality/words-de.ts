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
    climatology: (expected) => `gab es in keinem früheren Jahr; üblich wären ${expected}`,
  },
  internal: {
    gust: 'eine Böe liegt unter dem mittleren Wind',
    pressure: 'passt zur Höhe der Station, nicht zum Meeresspiegel',
  },
  dewPoint: (value, expected) =>
    `der Taupunkt wäre ${value}; nach den Nachbarn wären ${expected} zu erwarten`,
  title: 'Sensoren',
  subtitle:
    'was die Qualitätskontrolle in diesem Zeitraum fand · ein fehlerhafter Wert zählt nicht mit',
  caption: 'Stationen mit Befunden, die mit den meisten fehlerhaften Werten zuerst',
  noFlags: 'In diesem Zeitraum wurde kein Wert beanstandet.',
  failedCount: 'Fehlerhaft',
  suspectCount: 'Fragwürdig',
  share: 'Anteil fehlerhaft',
  what: 'Befund',
  last: 'Zuletzt',
  show: 'In den Diagrammen zeigen',
  more: (count) => `aus den neuesten ${count} Befunden; /api/quality-flags hat mehr`,
  others: (count) => `${count} weitere Städte ohne Befund`,
  tests: {
    step: 'Sprung',
    spike: 'Ausschlag',
    persistence: 'Stillstand',
    internal: 'Widerspruch',
    buddies: 'anders als Stationen in der Nähe',
    consistency: 'anders als die Nachbarn',
    bias: 'immer daneben',
    climatology: 'anders als alle Jahre zuvor',
  },
  drift: 'Gegenüber den Nachbarn',
  driftSubtitle:
    'mittlerer Unterschied jedes Tages zu dem, was Stationen in der Nähe erwarten lassen',
  driftCaption:
    'Stationen mit genug Nachbarn, die am weitesten abweichen oder sich am meisten ändern, zuerst',
  difference: 'Letzte Woche',
  change: 'Änderung seit der ersten Woche',
  byDay: 'Tag für Tag',
  dewPointName: 'Taupunkt',
  moreStations: (count) => `${count} weitere in /api/station-drift`,
  events: 'Ungewöhnlich für die Jahreszeit',
  eventsSubtitle:
    'was Jahreszeit, Stunde und die letzten Stunden nicht erwarten ließen · Spitze jedes Ereignisses',
  eventsCaption: 'Ereignisse, die neuesten zuerst',
  noEvents: 'In diesem Zeitraum war nichts ungewöhnlich für die Jahreszeit.',
  expected: 'Erwartet',
  severity: 'Schwere',
  severities: { moderate: 'mäßig', high: 'hoch', extreme: 'extrem' },
  cause: 'Wahrscheinliche Ursache',
  causes: {
    sensor_fault: 'Sensorfehler',
    front: 'Front',
    record: 'Rekord',
    unexplained: 'ungeklärt',
  },
  records: { highest: 'höchster der Jahreszeit', lowest: 'niedrigster der Jahreszeit' },
  nearby: (count) => `${count} im Umkreis von 300 km`,
  moreEvents: (count) => `die neuesten ${count} Ereignisse; /api/anomaly-events hat mehr`,
  learning: (city, days, needed) => `${city} lernt noch: ${days} von ${needed} Tagen`,
};
