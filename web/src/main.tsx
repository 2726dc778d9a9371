import { effect } from '@preact/signals';
import { render } from 'preact';
import { createStore, type Store } from './client/store.ts';
import { startUpdating } from './client/updating.ts';
import { Page } from './page.tsx';
import './styles/tokens.css';
import './styles/header.css';
import './styles/page.css';
import './styles/panel.css';
import './styles/cards.css';
import './styles/charts.css';
import './styles/tables.css';
import './styles/flow.css';
import './styles/controls.css';
import './styles/plotly.css';

const place = document.getElementById('page');
if (place !== null) {
  const store = createStore();
  render(<Page store={store} />, place);
  startUpdating(store);
  if (location.hash !== '') showNamedPanel(store);
}

/** The panel that a link names is there only now, and stays in its place once all are filled. */
function showNamedPanel({ resources }: Store): void {
  const isSettled = ({ path, answer, trouble }: Store['resources'][number]) =>
    path.value === null || answer.value !== null || trouble.value !== null;
  const stop = effect(() => {
    const [cities] = resources;
    if (cities?.path.value === null || !resources.every(isSettled)) return;
    setTimeout(() => {
      stop();
      location.replace(location.href);
    });
  });
}
