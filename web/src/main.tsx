import { render } from 'preact';
import { createStore } from './client/store.ts';
import { startUpdating } from './client/updating.ts';
import { Page } from './page.tsx';
import './styles/tokens.css';
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
}
