import type { Store } from '../client/store.ts';
import { Panel } from '../panel/panel.tsx';
import { words } from '../words/words.ts';
import { pipelineSteps, type Step } from './steps.ts';

const SHAPES: Readonly<Record<Step['state'], string>> = { ok: '●', wait: '◐', look: '▲' };

/** The path of the data, step by step, as it stands. */
export function Pipeline({ store }: { readonly store: Store }) {
  const { steps: say, sheet } = words.value;
  return (
    <Panel
      id="pipeline"
      title={sheet.title}
      subtitle={say.subtitle}
      store={store}
      resource={store.status}
      height={230}
      meta={() => null}
      data={{ path: 'api/status', rows: null }}
      actions={[{ name: sheet.metrics, href: 'metrics', beside: true }]}
    >
      {(answer) => (
        <ol class="steps">
          {pipelineSteps(answer.data, store.clock.now.value).map((step) => (
            <StepRow key={step.name} step={step} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

function StepRow({ step }: { readonly step: Step }) {
  return (
    <li class="step">
      <h3>{step.name}</h3>
      <div>
        <p>{step.lines.join(' · ')}</p>
        {step.note !== null && <p class="quiet">{step.note}</p>}
      </div>
      <StepState state={step.state} />
    </li>
  );
}

/** Shown by a shape and a word, and not by colour alone. */
export function StepState({ state }: Pick<Step, 'state'>) {
  return (
    <p class={`step-${state}`}>
      <span aria-hidden="true">{SHAPES[state]}</span> {words.value.steps.states[state]}
    </p>
  );
}
