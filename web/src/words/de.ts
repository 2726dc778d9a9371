/** The words of the page in German. */
import type { Words } from './en.ts';

export const de: Words = {
  variables: {
    temperature_c: 'Temperatur',
    feels_like_c: 'Gefühlt',
    humidity_pct: 'Luftfeuchte',
    pressure_hpa: 'Luftdruck',
    wind_speed_ms: 'Wind',
    wind_gust_ms: 'Böen',
    wind_direction_deg: 'Wind aus',
    cloud_cover_pct: 'Bewölkung',
    visibility_m: 'Sicht',
    rain_1h_mm: 'Regen in 1 h',
    snow_1h_mm: 'Schnee in 1 h',
  },
  panel: {
    table: 'Tabelle',
    time: 'Zeit',
    close: 'Schließen',
    noPicture: 'PNG misslungen: noch einmal',
    asTable: (label) => `${label} als Tabelle`,
  },
  map: {
    title: 'Karte',
    subtitle: (unit) => `Temperatur, ${unit} · eine Stadt wählen, um sie zu vergleichen`,
    role: 'Karte',
    label: (count) => `Karte von ${count} Städten mit ihren Temperaturen`,
    keys:
      'Pfeile gehen von Stadt zu Stadt, Eingabe wählt eine oder geht näher heran, plus und minus ' +
      'ändern den Ausschnitt, Pos1 zeigt alle Städte.',
    nearer: 'Näher',
    farther: 'Weiter weg',
    home: 'Alle Städte',
    empty: 'Es wird keine Stadt beobachtet.',
    unplaced: (count) => `nicht auf der Karte, da niemand sagte, wo sie liegen: ${count}`,
    together: (first, others) => `${first} und ${others} weitere, näher heran zeigt sie`,
  },
  heat: {
    title: { day: 'Stunde × Tag', week: 'Stunde × Woche', month: 'Stunde × Monat' },
    subtitle: (unit) => `Mittel jeder Stunde, ${unit}, nach der Uhr der Stadt`,
    mean: (value, count) => `${value}, Mittel von ${count}`,
    label: (city, low, high) =>
      `Mittlere Temperatur nach Stunde und Tag in ${city}: tiefste ${low}, höchste ${high}.`,
    caption: (city, unit) => `${city}, mittlere Temperatur jeder Stunde, ${unit}`,
  },
  rose: {
    title: 'Wind',
    subtitle: 'woher er kam, Anteil der Beobachtungen',
    calm: (share) => `windstill ${share} %`,
    label: (city, most) => `Wind in ${city}, am häufigsten aus: ${most}.`,
    caption: (city) => `Woher der Wind in ${city} kam`,
    from: 'Aus',
    share: 'Anteil',
  },
  chart: {
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
    plotlyFailed:
      'Plotly oder die Figur ließ sich nicht laden. Schließen und noch einmal versuchen.',
  },
};
