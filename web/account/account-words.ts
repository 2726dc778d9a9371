/** The words of the account's sheet: they are loaded with it, in every language. */
import { computed } from '@preact/signals';
import type { Trouble } from '../client/fetching.ts';
import { language } from '../words/words.ts';
import { deAccount } from './words-de.ts';
import { enAccount } from './words-en.ts';
import { frAccount } from './words-fr.ts';

const TABLES = { en: enAccount, de: deAccount, fr: frAccount };

export const accountWords = computed(() => TABLES[language.value]);

/** What is wrong with the password that proves who one is; null when something else is. */
export function wrongPassword({ code }: Trouble): string | null {
  const say = accountWords.peek().password;
  if (code === 'PASSWORD_WRONG') return say.wrong;
  return code === 'LOGIN_DELAYED' ? say.delayed : null;
}
