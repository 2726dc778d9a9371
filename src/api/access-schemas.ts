/** What logins are asked and answered with. */
import { type Static, Type } from 'typebox';
import { ACCESS_ROLES } from '../model/access.ts';
import { record, text, time, whole } from '../model/schema.ts';

export const LoginBodySchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: 'Name of the user.' }),
    password: Type.String({ maxLength: 1_024, description: 'The password.' }),
  },
  { additionalProperties: false },
);

const PrincipalSchema = record(
  {
    kind: Type.Enum(['open', 'user', 'key', 'token'], {
      description: 'open: without a login, where the server asks for none.',
    }),
    name: Type.String({ description: 'Of the user or key, or in the token.' }),
    role: Type.Enum([...ACCESS_ROLES], { description: 'What may be done.' }),
    cities: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: 'Which cities may be seen: ids, country:XX, tag:WORD; null for all.',
    }),
  },
  'Whoever asks.',
);

export const SessionAnswerSchema = Type.Object(
  {
    data: record(
      {
        login: Type.Enum(['none', 'local', 'oidc', 'proxy'], {
          description: 'Whether the server asks for a login, and which.',
        }),
        passwords: Type.Boolean({ description: 'Whether /api/login takes a name and a password.' }),
        start: Type.Union([Type.String(), Type.Null()], {
          description:
            'Where a login other than by password begins, relative to the page; null without one.',
        }),
        label: Type.String({ description: 'What that login is called; may be empty.' }),
        next: Type.Union([Type.String(), Type.Null()], {
          description: 'Where the browser goes on after a logout; null: to the page.',
        }),
        principal: Type.Union([PrincipalSchema, Type.Null()], {
          description: 'Null without a login.',
        }),
      },
      'The session.',
    ),
  },
  { additionalProperties: false },
);
export type SessionAnswer = Static<typeof SessionAnswerSchema>;

const password = (description: string) => Type.String({ maxLength: 1_024, description });

export const PasswordBodySchema = Type.Object(
  {
    old_password: password('The one with which the user logs in.'),
    new_password: password('The one that counts from now on.'),
  },
  { additionalProperties: false },
);

export const EndSessionsBodySchema = Type.Object(
  {
    password: Type.Optional(
      password('That of the user; a session of a single sign-on needs none, but a late login.'),
    ),
  },
  { additionalProperties: false },
);

const OwnSessionSchema = record(
  {
    session_id: text('What it is ended by; it opens nothing.'),
    login: Type.Enum(['local', 'oidc'], {
      description: 'local: by password, oidc: by single sign-on.',
    }),
    created_at: time('When it began.'),
    seen_at: time('Its last request, to the minute.'),
    address: text('Where it began.'),
    agent: text('The browser, as it calls itself.'),
    current: Type.Boolean({ description: 'Whether it is the one that asks.' }),
  },
  'A session.',
);

export const SessionsAnswerSchema = Type.Object(
  { data: Type.Array(OwnSessionSchema) },
  { additionalProperties: false },
);
export type SessionsAnswer = Static<typeof SessionsAnswerSchema>;

export const EndSessionsAnswerSchema = Type.Object(
  { data: record({ ended: whole('Sessions ended.') }, 'What was done.') },
  { additionalProperties: false },
);
export type EndSessionsAnswer = Static<typeof EndSessionsAnswerSchema>;
