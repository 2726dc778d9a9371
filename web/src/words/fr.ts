/** The words of the page in French. */
import type { Words } from './en.ts';

export const fr: Words = {
  variables: {
    temperature_c: 'Température',
    feels_like_c: 'Ressenti',
    humidity_pct: 'Humidité',
    pressure_hpa: 'Pression',
    wind_speed_ms: 'Vent',
    wind_gust_ms: 'Rafales',
    wind_direction_deg: 'Vent de',
    cloud_cover_pct: 'Nébulosité',
    visibility_m: 'Visibilité',
    rain_1h_mm: 'Pluie en 1 h',
    snow_1h_mm: 'Neige en 1 h',
  },
  panel: {
    table: 'Tableau',
    time: 'Heure',
    close: 'Fermer',
    noPicture: 'Échec du PNG : réessayer',
    asTable: (label) => `${label} en tableau`,
  },
  map: {
    title: 'Carte',
    subtitle: (unit) => `température, ${unit} · choisir une ville pour la comparer`,
    role: 'carte',
    label: (count) => `Carte de ${count} villes avec leurs températures`,
    keys:
      'Les flèches vont de ville en ville, Entrée en choisit une ou rapproche, plus et moins ' +
      'changent l’échelle, Début montre toutes les villes.',
    nearer: 'Rapprocher',
    farther: 'Éloigner',
    home: 'Toutes les villes',
    empty: 'Aucune ville n’est suivie.',
    unplaced: (count) => `pas sur la carte, leur lieu n’est pas connu : ${count}`,
    together: (first, others) => `${first} et ${others} autres, rapprochez pour les voir`,
  },
  heat: {
    title: { day: 'Heure × jour', week: 'Heure × semaine', month: 'Heure × mois' },
    subtitle: (unit) => `moyenne de chaque heure, ${unit}, à l’horloge de la ville`,
    mean: (value, count) => `${value}, moyenne de ${count}`,
    label: (city, low, high) =>
      `Température moyenne par heure et jour à ${city} : la plus basse ${low}, la plus haute ${high}.`,
    caption: (city, unit) => `${city}, température moyenne de chaque heure, ${unit}`,
  },
  rose: {
    title: 'Vent',
    subtitle: 'd’où il venait, part des observations',
    calm: (share) => `calme ${share} %`,
    label: (city, most) => `Vent à ${city}, le plus souvent de : ${most}.`,
    caption: (city) => `D’où venait le vent à ${city}`,
    from: 'De',
    share: 'Part',
  },
  chart: {
    role: 'graphique',
    keys:
      'Les flèches gauche et droite déplacent le curseur, haut et bas choisissent la ville, plus ' +
      'et moins changent l’échelle, Début et Fin vont aux extrémités, Échap enlève le curseur.',
    add: 'Ajouter un graphique :',
    remove: 'Enlever',
    noData: 'pas de données',
    noDataOf: 'pas de données sur cette période :',
    gap: (length) => `pas de données ${length}`,
    clock: (city, offset) =>
      city === null ? `mon horloge (${offset})` : `horloge de ${city} (${offset})`,
    eachDay: 'de chaque jour',
    eachWeek: 'de chaque semaine',
    everyDays: (days) => `de chaque période de ${days} jours`,
    summary: (step, city) =>
      `ligne : milieu ${step} · bande : du plus bas au plus haut${city === null ? '' : ` à ${city}`}`,
    usual: (city) => `bande : habituel à ${city} à cette heure de la saison`,
    night: (city) => `ombré : nuit à ${city}`,
    ring: 'cercle : inhabituel',
    line: (city, now, low, high) => `${city} : maintenant ${now}, de ${low} à ${high}`,
    caption: (label, shown, all) =>
      all === null
        ? `${label} par heure`
        : `${label} par heure, les ${shown} points les plus récents sur ${all}`,
    span: (low, high) => `${low} à ${high}`,
    days: (first, last) => `${first} au ${last}`,
    unusualIn: (city) => `Inhabituel à ${city} :`,
    unusual: (value, off, mean, usual) =>
      `${value}, ${off} de la moyenne de ${mean} ; habituel ici : ${usual}.`,
    plotly: 'la figure de l’API, dessinée par Plotly ; heures en UTC',
    plotlyFailed: 'Plotly ou la figure n’a pas pu être chargé. Fermez et réessayez.',
  },
};
