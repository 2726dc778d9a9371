/** The thread of the SQLite index. */
import { workerData } from 'node:worker_threads';
import { answerCalls } from '../worker-thread.ts';
import { SqliteStore } from './sqlite-store.ts';

answerCalls(new SqliteStore(String(workerData)));
