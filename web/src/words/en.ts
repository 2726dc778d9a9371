/** The words of the page in English; the other languages have the same ones. */
export const en = {
  variables: {
    temperature_c: 'Temperature',
    feels_like_c: 'Feels like',
    humidity_pct: 'Humidity',
    pressure_hpa: 'Pressure',
    wind_speed_ms: 'Wind speed',
    wind_gust_ms: 'Wind gust',
    wind_direction_deg: 'Wind from',
    cloud_cover_pct: 'Cloud cover',
    visibility_m: 'Visibility',
    rain_1h_mm: 'Rain in 1 h',
    snow_1h_mm: 'Snow in 1 h',
  },
  panel: {
    table: 'Table',
    time: 'Time',
    close: 'Close',
    noPicture: 'PNG failed: try again',
    asTable: (label: string) => `${label} as a table`,
  },
  map: {
    title: 'Map',
    subtitle: (unit: string) => `temperature, ${unit} · choose a city to compare it`,
    role: 'map',
    label: (count: string) => `Map of ${count} cities with their temperatures`,
    keys:
      'Arrows move from city to city, Enter chooses one or comes nearer, plus and minus zoom, ' +
      'Home shows all cities.',
    nearer: 'Nearer',
    farther: 'Farther',
    home: 'All cities',
    empty: 'No city is watched.',
    unplaced: (count: string) => `not on the map, since nobody said where they are: ${count}`,
    together: (first: string, others: string) => `${first} and ${others} more, come nearer to see`,
  },
  heat: {
    title: { day: 'Hour × day', week: 'Hour × week', month: 'Hour × month' },
    subtitle: (unit: string) => `mean of each hour, ${unit}, by its own clock`,
    mean: (value: string, count: string) => `${value}, mean of ${count}`,
    label: (city: string, low: string, high: string) =>
      `Mean temperature by hour and day in ${city}: lowest ${low}, highest ${high}.`,
    caption: (city: string, unit: string) => `${city}, mean temperature of each hour, ${unit}`,
  },
  rose: {
    title: 'Wind',
    subtitle: 'where it came from, share of the observations',
    calm: (share: string) => `calm ${share} %`,
    label: (city: string, most: string) => `Wind in ${city}, most often from: ${most}.`,
    caption: (city: string) => `Where the wind came from in ${city}`,
    from: 'From',
    share: 'Share',
  },
  chart: {
    role: 'chart',
    keys:
      'Left and right arrows move the cursor, up and down choose the city, plus and minus zoom, ' +
      'Home and End go to the ends, Escape takes the cursor away.',
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
    summary: (step: string, city: string | null) =>
      `line: middle of ${step} · band: lowest to highest${city === null ? '' : ` in ${city}`}`,
    usual: (city: string) => `band: usual in ${city} at that hour of the season`,
    night: (city: string) => `shaded: night in ${city}`,
    ring: 'ring: unusual',
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
  },
};

export type Words = typeof en;
