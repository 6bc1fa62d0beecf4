// The timeline's writer thread.

import { serveGroupCommit } from '../../../adapters/sqlite/serve-group-commit.ts';
import type { TimelineOp, TimelineResult } from './timeline-op.ts';
import { type TimelineInit, TimelineStore } from './timeline-store.ts';

serveGroupCommit<TimelineOp, TimelineResult>((init) => new TimelineStore(init as TimelineInit));
