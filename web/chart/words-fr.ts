/** The words of the charts in French. */
import type { Words } from '../words/en.ts';

export const frChart: Words['chart'] = {
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
  forecast: {
    begin: 'prévision',
    legend: 'prévision : quatre valeurs sur cinq à l’intérieur',
    said: (median, low, high) => `${median} (${low} à ${high})`,
    ahead: (city, value) => `Prévision pour ${city} dans 24 heures : ${value}`,
    errors: (own, persistence) =>
      `Erreur de la prévision sur les 30 derniers jours : ${own} à 24 h ; persistance ${persistence}.`,
    learning: (days, needed) => `La prévision apprend encore : ${days} jours sur ${needed}.`,
    issued: (time) => `Émise ${time}.`,
  },
  legend: {
    label: 'Légende',
    ring: 'valeur inhabituelle',
    flag: 'valeur rejetée',
    doubt: 'douteuse',
    usual: 'habituel à cette heure et en cette saison',
    night: 'nuit',
    rain: 'pluie, mm en 1 h',
    snow: 'neige, mm en 1 h',
    wind: 'le vent souffle par là',
    dry: 'ni pluie ni neige',
    middle: (step) => `milieu ${step}`,
    span: (city) => `du plus bas au plus haut${city === null ? '' : ` à ${city}`}`,
  },
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
};
