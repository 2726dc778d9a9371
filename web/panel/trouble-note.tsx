import type { Trouble } from '../client/fetching.ts';

/** What went wrong with an action, announced when it does. */
export function TroubleNote({ trouble }: { readonly trouble: Trouble | null }) {
  return (
    <p role="alert" lang={trouble?.told ? 'en' : undefined}>
      {trouble !== null && (
        <>
          <span class="alert">▲ {trouble.what}</span> {trouble.remedy}
        </>
      )}
    </p>
  );
}
