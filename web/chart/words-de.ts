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
  forecast: {
    begin: 'Vorhersage',
    legend: 'Vorhersage: vier von fünf Werten darin',
    said: (median, low, high) => `${median} (${low} bis ${high})`,
    ahead: (city, value) => `Vorhersage für ${city} in 24 Stunden: ${value}`,
    errors: (own, persistence) =>
      `Fehler der Vorhersage in den letzten 30 Tagen: ${own} bei 24 h; Persistenz ${persistence}.`,
    learning: (days, needed) => `Die Vorhersage lernt noch: ${days} von ${needed} Tagen.`,
    issued: (time) => `Ausgegeben ${time}.`,
  },
  legend: {
    label: 'Legende',
    ring: 'ungewöhnlicher Wert',
    flag: 'fehlerhafter Wert',
    doubt: 'fragwürdig',
    usual: 'üblich zu dieser Stunde und Jahreszeit',
    night: 'Nacht',
    rain: 'Regen, mm in 1 h',
    snow: 'Schnee, mm in 1 h',
    wind: 'Wind weht dorthin',
    dry: 'kein Regen oder Schnee',
    middle: (step) => `Mitte ${step}`,
    span: (city) => `Tiefst- bis Höchstwert${city === null ? '' : ` in ${city}`}`,
  },
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
