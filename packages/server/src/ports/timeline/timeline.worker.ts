// The timeline's writer thread.

import { serveGroupCommit } from '../../adapters/sqlite/serve-group-commit.ts';
import { type TimelineInit, type TimelineOp, type TimelineResult, TimelineStore } from './timeline-store.ts';

serveGroupCommit<TimelineOp, TimelineResult>((init) => new TimelineStore(init as TimelineInit));
