/*  gateway/dashboard/src/hooks/useRunStream.ts - a run, live, as a React hook

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Written against React's own hook API; this page's build puts Preact in its
    place. The component is rendered again at most five times a second; whoever
    paints every frame listens to stream.live instead.
*/
import { useEffect, useMemo, useSyncExternalStore } from "react";
import { RunStream, type RunStreamOptions } from "../core/runstream.ts";

export interface RunStreamHandle {
  stream: RunStream;
  version: number /* changes with what the stream knows */;
}

export function useRunStream({ env, wsUrl, runId }: RunStreamOptions): RunStreamHandle {
  const stream = useMemo(() => new RunStream({ env, wsUrl, runId }), [env, wsUrl, runId]);
  useEffect(() => {
    stream.start();
    return () => stream.stop();
  }, [stream]);
  const version = useSyncExternalStore(stream.calm.subscribe, stream.calm.getSnapshot);
  return { stream, version };
}
