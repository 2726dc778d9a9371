import { effect } from '@preact/signals';
import { render } from 'preact';
import { readSession } from './account/account.ts';
import { createStore, type Store } from './client/store.ts';
import { startUpdating } from './client/updating.ts';
import { Page } from './page.tsx';
import './style/tokens.css';
import './style/base.css';
import './header/header.css';
import './style/page.css';
import './panel/panel.css';
import './cities/cards.css';
import './chart/charts.css';
import './panel/tables.css';
import './anomalies/anomalies.css';
import './style/controls.css';
import './chart/plotly.css';

const place = document.getElementById('page');
if (place !== null) {
  const store = createStore();
  render(<Page store={store} />, place);
  startUpdating(store);
  void readSession();
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
