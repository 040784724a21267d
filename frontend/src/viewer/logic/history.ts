/** Undo and redo over whole states: small enough here, and nothing can be forgotten. */

export interface History<State> {
  past: readonly State[];
  present: State;
  future: readonly State[];
}

const DEPTH = 100;

export const begin = <State>(present: State): History<State> => ({ past: [], present, future: [] });

export function advance<State>(history: History<State>, present: State): History<State> {
  return { past: [...history.past, history.present].slice(-DEPTH), present, future: [] };
}

export function undo<State>(history: History<State>): History<State> {
  const before = history.past.at(-1);
  if (before === undefined) return history;
  return { past: history.past.slice(0, -1), present: before, future: [history.present, ...history.future] };
}

export function redo<State>(history: History<State>): History<State> {
  const [after, ...future] = history.future;
  if (after === undefined) return history;
  return { past: [...history.past, history.present], present: after, future };
}
