/*  gateway/dashboard/src/hooks/react.ts - what of React this page uses, made of Preact

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The sources import from "react"; the build puts this file in its place.
    preact/compat would do as well, and be 1.3 KB (gzipped) larger.
*/
import { useEffect, useState } from "preact/hooks";

export { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";

export function useSyncExternalStore<T>(subscribe: (changed: () => void) => () => void, getSnapshot: () => T): T {
  const value = getSnapshot();
  const [, render] = useState<{ value: T }>({ value });
  // biome-ignore lint/correctness/useExhaustiveDependencies: value is only the start
  useEffect(() => {
    let seen = value;
    const look = (): void => {
      const now = getSnapshot();
      if (!Object.is(now, seen)) {
        seen = now;
        render({ value: now });
      }
    };
    look(); /* it may have changed between rendering and now */
    return subscribe(look);
  }, [subscribe, getSnapshot]);
  return value;
}
