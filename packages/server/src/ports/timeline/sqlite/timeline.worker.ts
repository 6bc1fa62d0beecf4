// The timeline's writer thread.

import { serveWriterThread } from '../../../adapters/sqlite/writer-thread-server.ts';
import type { TimelineOp, TimelineResult } from './timeline-op.ts';
import { type TimelineInit, TimelineStore } from './timeline-store.ts';

serveWriterThread<TimelineOp, TimelineResult>((init) => new TimelineStore(init as TimelineInit));
