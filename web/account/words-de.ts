/** Die Wörter des Kontos auf Deutsch. */
import type { enAccount } from './words-en.ts';

export const deAccount: typeof enAccount = {
  title: 'Ihr Konto',
  noLogin: 'Dieser Server verlangt keine Anmeldung, also gibt es kein Konto.',
  role: 'Rolle',
  cities: 'Städte',
  allCities: 'alle',
  login: 'Anmeldung',
  logins: {
    local: 'mit Passwort',
    oidc: 'mit Single Sign-on',
    proxy: 'durch einen Reverse Proxy',
  },
  password: {
    title: 'Passwort',
    subtitle: 'ein neues beendet alle Ihre anderen Sitzungen',
    old: 'Aktuelles Passwort',
    new: 'Neues Passwort',
    hint: (least) =>
      `Mindestens ${least} Zeichen, zum Beispiel vier Wörter, die nichts miteinander zu tun haben. Häufige Passwörter und Ihr Name werden abgelehnt.`,
    show: 'Passwörter anzeigen',
    change: 'Passwort ändern',
    changed: 'Ihr Passwort ist geändert, und Ihre anderen Sitzungen sind beendet.',
    needed: 'Füllen Sie dieses Feld aus.',
    short: (least, length) => `Nehmen Sie mindestens ${least} Zeichen; das sind ${length}.`,
    wrong: 'Das ist nicht Ihr aktuelles Passwort.',
    weak: 'Dieses Passwort lässt sich erraten:',
    delayed: 'Zu viele falsche Passwörter: Warten Sie etwas bis zum nächsten Versuch.',
  },
  sessions: {
    title: 'Sitzungen',
    subtitle: 'wo Sie angemeldet sind',
    browser: 'Browser',
    began: 'Begonnen',
    used: 'Zuletzt benutzt',
    from: 'Adresse',
    current: 'diese Sitzung',
    alone: 'Sie sind nur hier angemeldet.',
    end: 'Beenden',
    endOne: (browser, address) => `Sitzung von ${browser}, ${address} beenden`,
    endThis: 'Diese Sitzung beenden',
    endOthers: 'Alle anderen Sitzungen beenden',
    confirm:
      'Ihr Passwort wird verlangt, damit über eine offen gelassene Sitzung nicht die anderen beendet werden.',
    password: 'Ihr Passwort',
    ended: (count, one) => `${count} ${one ? 'Sitzung' : 'Sitzungen'} beendet.`,
    stale:
      'Sie haben sich vor mehr als zehn Minuten angemeldet. Melden Sie sich neu an und wiederholen Sie es.',
    again: 'Neu anmelden',
    elsewhere: 'Ihre Sitzungen liegen dort, wo Sie sich anmelden, nicht hier.',
    unknown: 'ein Programm ohne Namen',
  },
};
