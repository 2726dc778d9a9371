/** Les mots du compte en français. */
import type { enAccount } from './words-en.ts';

export const frAccount: typeof enAccount = {
  title: 'Votre compte',
  noLogin: 'Ce serveur ne demande pas de connexion : il n’y a pas de compte.',
  role: 'Rôle',
  cities: 'Villes',
  allCities: 'toutes',
  login: 'Connexion',
  logins: {
    local: 'par mot de passe',
    oidc: 'par authentification unique',
    proxy: 'transmise par un proxy inverse',
  },
  password: {
    title: 'Mot de passe',
    subtitle: 'un nouveau met fin à toutes vos autres sessions',
    old: 'Mot de passe actuel',
    new: 'Nouveau mot de passe',
    hint: (least) =>
      `Au moins ${least} caractères, par exemple quatre mots sans rapport entre eux. Les mots de passe fréquents et votre nom sont refusés.`,
    show: 'Afficher les mots de passe',
    change: 'Changer le mot de passe',
    changed: 'Votre mot de passe est changé, et vos autres sessions sont terminées.',
    needed: 'Remplissez ce champ.',
    short: (least, length) => `Il faut au moins ${least} caractères ; il y en a ${length}.`,
    wrong: 'Ce n’est pas votre mot de passe actuel.',
    weak: 'Ce mot de passe peut être deviné :',
    delayed: 'Trop de mots de passe erronés : attendez un peu avant le prochain essai.',
  },
  sessions: {
    title: 'Sessions',
    subtitle: 'vos connexions ouvertes',
    browser: 'Navigateur',
    began: 'Début',
    used: 'Dernière utilisation',
    from: 'Adresse',
    current: 'cette session',
    alone: 'Aucune autre session n’est ouverte.',
    end: 'Terminer',
    endOne: (browser, address) => `Terminer la session de ${browser}, ${address}`,
    endThis: 'Terminer cette session',
    endOthers: 'Terminer toutes les autres sessions',
    confirm:
      'Votre mot de passe est demandé, pour qu’une session restée ouverte ne serve pas à terminer les autres.',
    password: 'Votre mot de passe',
    ended: (count, one) => `${count} ${one ? 'session terminée' : 'sessions terminées'}.`,
    stale: 'Votre connexion date de plus de dix minutes. Reconnectez-vous, puis recommencez.',
    again: 'Se reconnecter',
    elsewhere: 'Vos sessions sont tenues là où vous vous connectez, pas ici.',
    unknown: 'un programme sans nom',
  },
};
