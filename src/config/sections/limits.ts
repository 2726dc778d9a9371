import { section, whole } from './section.ts';

export const LIMITS = section(
  'How much each client may ask, where the server asks for a login; 0 means without a limit.',
  {
    points_per_s: whole(
      200,
      0,
      1_000_000,
      'Points that a user, a key or, without a login, an address may spend per second, over ten ' +
        'seconds. A row of the route table costs 1 or 5, computing it anew for a range twice as much.',
    ),
    exports_per_minute: whole(60, 0, 1_000_000, 'CSV and Parquet files of a user, key or address.'),
    streams: whole(20, 0, 100_000, 'Open event streams of a user, key or address.'),
    address_requests_per_s: whole(
      400,
      0,
      1_000_000,
      'Requests per second from one address (of IPv6: a network of 64 bits), whoever sends them. ' +
        'One that sends more is cut off for ten seconds.',
    ),
    address_connections: whole(
      256,
      0,
      100_000,
      'Open connections of one address, in the same way; those beyond are closed at once. Trusted ' +
        'proxies have no such limit.',
    ),
  },
);
