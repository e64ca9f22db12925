/*  gateway/dashboard/src/page/Hud.tsx - what the page costs, on the page itself: ?hud=1

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useState } from "react";
import { compact } from "../text/format.ts";

interface Costs {
  fps: number;
  worst: number /* ms between two frames */;
  blocked: number /* ms of the longest animation frame */;
  nodes: number;
  heap: number /* MB; 0: the browser does not say */;
}

const EVERY_MS = 500;

function heapMb(): number {
  const { memory } = performance as Performance & { memory?: { usedJSHeapSize: number } };
  return memory ? memory.usedJSHeapSize / 2 ** 20 : 0;
}

function useCosts(): Costs {
  const [costs, setCosts] = useState<Costs>({ fps: 0, worst: 0, blocked: 0, nodes: 0, heap: 0 });
  useEffect(() => {
    let [frames, worst, blocked, last, id] = [0, 0, 0, performance.now(), 0];
    const frame = (now: number): void => {
      frames++;
      worst = Math.max(worst, now - last);
      last = now;
      id = requestAnimationFrame(frame);
    };
    id = requestAnimationFrame(frame);
    const observer = new PerformanceObserver((list) => {
      blocked = Math.max(blocked, ...list.getEntries().map((entry) => entry.duration));
    });
    try {
      observer.observe({ type: "long-animation-frame" });
    } catch {
      /* not every browser knows it */
    }
    const timer = setInterval(() => {
      const nodes = document.getElementsByTagName("*").length;
      setCosts({ fps: (frames * 1000) / EVERY_MS, worst, blocked, nodes, heap: heapMb() });
      [frames, worst, blocked] = [0, 0, 0];
    }, EVERY_MS);
    return () => {
      cancelAnimationFrame(id);
      clearInterval(timer);
      observer.disconnect();
    };
  }, []);
  return costs;
}

export function Hud() {
  const { fps, worst, blocked, nodes, heap } = useCosts();
  return (
    <aside class="hud mono" aria-label="What the page costs">
      {Math.round(fps)} fps · frame {Math.round(worst)} ms{blocked > 0 ? ` · long ${Math.round(blocked)} ms` : ""} ·{" "}
      {compact(nodes)} nodes{heap > 0 ? ` · ${heap.toFixed(1)} MB` : ""}
    </aside>
  );
}
