/** The thread of the forecasters. */
import { constants, setPriority } from 'node:os';
import { workerData } from 'node:worker_threads';
import { answerCalls } from '../worker-thread.ts';
import { CityStore } from './city-store.ts';

// On Linux it is this thread's own: learning takes what the server leaves.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

answerCalls(new CityStore(String(workerData)));
