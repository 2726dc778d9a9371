/** The words of the charts in German. */
import type { Words } from '../words/en.ts';

export const deChart: Words['chart'] = {
  role: 'Diagramm',
  keys:
    'Pfeil links und rechts bewegen den Zeiger, auf und ab wählen die Stadt, plus und minus ' +
    'ändern den Ausschnitt, Pos1 und Ende gehen an die Enden, Escape nimmt den Zeiger weg.',
  add: 'Weiteres Diagramm:',
  remove: 'Entfernen',
  noData: 'keine Daten',
  noDataOf: 'keine Daten in diesem Zeitraum:',
  gap: (length) => `keine Daten ${length}`,
  clock: (city, offset) =>
    city === null ? `meine Uhr (${offset})` : `Uhr von ${city} (${offset})`,
  eachDay: 'jedes Tages',
  eachWeek: 'jeder Woche',
  everyDays: (days) => `von je ${days} Tagen`,
  summary: (step, city) =>
    `Linie: Mitte ${step} · Band: tiefster bis höchster Wert${city === null ? '' : ` in ${city}`}`,
  usual: (city) => `Band: üblich in ${city} zu dieser Stunde der Jahreszeit`,
  night: (city) => `dunkel: Nacht in ${city}`,
  ring: 'Ring: ungewöhnlich',
  line: (city, now, low, high) => `${city}: jetzt ${now}, von ${low} bis ${high}`,
  caption: (label, shown, all) =>
    all === null
      ? `${label} nach Zeit`
      : `${label} nach Zeit, die neuesten ${shown} von ${all} Punkten`,
  span: (low, high) => `${low} bis ${high}`,
  days: (first, last) => `${first} bis ${last}`,
  unusualIn: (city) => `Ungewöhnlich in ${city}:`,
  unusual: (value, off, mean, usual) =>
    `${value}, ${off} dem Mittel von ${mean}; hier üblich: ${usual}.`,
  plotly: 'die Figur der API, gezeichnet von Plotly; Zeiten in UTC',
  plotlyFailed: 'Plotly oder die Figur ließ sich nicht laden. Schließen und noch einmal versuchen.',
};
