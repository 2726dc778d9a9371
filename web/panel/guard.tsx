import { Component, type ComponentChildren } from 'preact';
import { words } from '../words/words.ts';

interface GuardProps {
  /** Names it, where nothing around it does. */
  readonly title?: string | undefined;
  /** What is shown: once it is another, showing it is tried again. */
  readonly of?: unknown;
  readonly children: ComponentChildren;
}

interface GuardState {
  readonly failed: { readonly of: unknown; readonly text: string } | null;
}

/** A fault in what is below stays here: it is said in its place, and the rest of the page goes on. */
export class Guard extends Component<GuardProps, GuardState> {
  override state: GuardState = { failed: null };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ failed: { of: this.props.of, text: String(error).slice(0, 200) } });
  }

  override render() {
    const { failed } = this.state;
    if (failed === null || failed.of !== this.props.of) return this.props.children;
    const say = words.value.panel;
    return (
      <div class="state broken" role="alert">
        {this.props.title !== undefined && <h3>{this.props.title}</h3>}
        <p>
          <span class="alert">▲ {say.broken}</span> <code lang="en">{failed.text}</code>{' '}
          <button type="button" class="link" onClick={() => this.setState({ failed: null })}>
            {say.tryAgain}
          </button>
        </p>
      </div>
    );
  }
}
