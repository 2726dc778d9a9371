import type { ComponentChildren } from 'preact';

/** A few facts under a title. */
export function Box({
  title,
  wide = false,
  children,
}: {
  readonly title: string;
  /** Whether it takes the room of two. */
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <section class={wide ? 'fact-box wide' : 'fact-box'} aria-label={title}>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

/** Names with what is so. */
export function Facts({
  rows,
}: {
  readonly rows: readonly (readonly [string, ComponentChildren])[];
}) {
  return (
    <dl class="fact-list">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
