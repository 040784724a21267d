// @vitest-environment node
import { describe, expect, it } from "vitest";

import { UndoLog } from "./undoLog";

function makeLog() {
  let value = 0;
  let time = 0;
  const told: [boolean, boolean][] = [];
  const log = new UndoLog((...states) => told.push(states), () => time);
  const set = (next: number, key?: string): void => {
    const before = value;
    value = next;
    log.push({ undo: () => { value = before; }, redo: () => { value = next; }, ...(key === undefined ? {} : { key }) });
  };
  return { log, set, told, value: () => value, wait: (ms: number) => { time += ms; } };
}

describe("UndoLog", () => {
  it("goes back and on again, and forgets the future once something else is done", () => {
    const { log, set, value, told } = makeLog();
    set(1);
    set(2);
    log.undo();
    expect(value()).toBe(1);
    log.redo();
    expect(value()).toBe(2);
    log.undo();
    set(3);
    log.redo();
    expect(value()).toBe(3);
    expect(told.at(-1)).toEqual([true, false]);
  });

  it("takes turns of a wheel for one step, and a later one for another", () => {
    const { log, set, value, wait } = makeLog();
    set(1, "zoom");
    wait(100);
    set(2, "zoom");
    wait(2000);
    set(3, "zoom");
    log.undo();
    expect(value()).toBe(2);
    log.undo();
    expect(value()).toBe(0);
    log.redo();
    expect(value()).toBe(2);
  });

  it("takes no step of what undoing brings about", () => {
    const { log, set, value } = makeLog();
    set(1);
    log.push({ undo: () => { set(9); }, redo: () => undefined });
    log.undo();
    expect(value()).toBe(9);
    log.undo();
    expect(value()).toBe(0);
  });
});
