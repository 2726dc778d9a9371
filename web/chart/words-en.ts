/** The words of the charts in English. */
export const enChart = {
  role: 'chart',
  keys:
    'Left and right arrows move the cursor, up and down choose the city, plus and minus zoom, ' +
    'Home and End go to the ends, Escape hides the cursor.',
  add: 'Add a chart of',
  remove: 'Remove',
  noData: 'no data',
  noDataOf: 'no data in this range:',
  gap: (length: string) => `no data ${length}`,
  clock: (city: string | null, offset: string) =>
    city === null ? `my clock (${offset})` : `clock of ${city} (${offset})`,
  eachDay: 'each day',
  eachWeek: 'each week',
  everyDays: (days: string) => `every ${days} days`,
  forecast: {
    begin: 'forecast',
    legend: 'forecast: four of five values within',
    said: (median: string, low: string, high: string) => `${median} (${low} to ${high})`,
    ahead: (city: string, value: string) => `Forecast for ${city} in 24 hours: ${value}`,
    errors: (own: string, persistence: string) =>
      `Forecast error of the last 30 days: ${own} at 24 h; persistence ${persistence}.`,
    learning: (days: string, needed: string) =>
      `The forecast is still learning: ${days} of ${needed} days.`,
    issued: (time: string) => `Issued ${time}.`,
  },
  legend: {
    label: 'Legend',
    ring: 'unusual value',
    flag: 'failed quality control',
    doubt: 'suspect',
    usual: 'usual at this hour and season',
    night: 'night',
    rain: 'rain, mm in 1 h',
    snow: 'snow, mm in 1 h',
    wind: 'wind blows this way',
    dry: 'no rain or snow',
    middle: (step: string) => `middle of ${step}`,
    span: (city: string | null) => `lowest to highest${city === null ? '' : ` in ${city}`}`,
  },
  line: (city: string, now: string, low: string, high: string) =>
    `${city}: now ${now}, from ${low} to ${high}`,
  caption: (label: string, shown: string, all: string | null) =>
    all === null ? `${label} by time` : `${label} by time, the newest ${shown} of ${all} points`,
  span: (low: string, high: string) => `${low} to ${high}`,
  days: (first: string, last: string) => `${first} to ${last}`,
  unusualIn: (city: string) => `Unusual in ${city}:`,
  unusual: (value: string, off: string, mean: string, usual: string) =>
    `${value}, ${off} the mean of ${mean}; usual here: ${usual}.`,
  plotly: 'the figure of the API, drawn by Plotly; times in UTC',
  plotlyFailed: 'Plotly or the figure did not load. Close this and try again.',
};
