// @vitest-environment node
import { describe, expect, it, vi } from "vitest";

import { LoadQueue, outwards, type LoadItem } from "./loadQueue";

const items = (name: string, count: number, bytes = 1): LoadItem[] =>
  Array.from({ length: count }, (_, index) => ({ imageId: `${name}${index}`, bytes }));

/** A server that answers when told to. */
function slowServer() {
  const asked: string[] = [];
  const answers = new Map<string, { resolve: () => void; reject: () => void }>();
  const load = (item: LoadItem): Promise<void> => {
    asked.push(item.imageId);
    return new Promise((resolve, reject) => {
      answers.set(item.imageId, { resolve, reject });
    });
  };
  const answer = async (imageId: string, how: "resolve" | "reject" = "resolve"): Promise<void> => {
    answers.get(imageId)?.[how]();
    await vi.advanceTimersByTimeAsync(1000);
  };
  return { asked, load, answer };
}

function makeQueue(limits = { parallel: 2, bytes: 1000 }) {
  vi.useFakeTimers();
  const server = slowServer();
  const settled: string[] = [];
  const complete: string[] = [];
  const queue = new LoadQueue(
    { load: server.load, onSettled: (key, index, ok) => settled.push(`${key}${index}${ok ? "" : "!"}`), onComplete: (key) => complete.push(key) },
    limits,
  );
  return { queue, server, settled, complete };
}

it("counts outwards from the middle, and over the ends", () => {
  expect([...outwards(5, 2)]).toEqual([2, 3, 1, 4, 0]);
  expect([...outwards(3, 0)]).toEqual([0, 1, 2]);
  expect([...outwards(0, 0)]).toEqual([]);
});

describe("LoadQueue", () => {
  it("fetches what is looked at first, then its neighbours, never more than allowed at once", async () => {
    const { queue, server } = makeQueue();
    queue.focus([{ key: "a", index: 3 }]);
    queue.setLane("a", items("a", 6));
    expect(server.asked).toEqual(["a3", "a4"]);
    await server.answer("a3");
    expect(server.asked).toEqual(["a3", "a4", "a2"]);
  });

  it("fetches what every pane looks at before any neighbour, the active pane's first", async () => {
    const { queue, server } = makeQueue({ parallel: 1, bytes: 1000 });
    queue.focus([{ key: "b", index: 2 }, { key: "a", index: 4 }]);
    queue.setLane("a", items("a", 6));
    queue.setLane("b", items("b", 4));
    await server.answer("a4");
    await server.answer("b2");
    await server.answer("b3");
    expect(server.asked).toEqual(["a4", "b2", "b3", "b1"]);
  });

  it("turns to where the reader has scrolled with the very next request", async () => {
    const { queue, server } = makeQueue();
    queue.focus([{ key: "a", index: 0 }]);
    queue.setLane("a", items("a", 100));
    queue.focus([{ key: "a", index: 90 }]);
    await server.answer("a0");
    expect(server.asked.at(-1)).toBe("a90");
  });

  it("takes the open series before all others, and tells when one is complete", async () => {
    const { queue, server, complete } = makeQueue({ parallel: 1, bytes: 1000 });
    queue.focus([{ key: "a", index: 0 }]);
    queue.setLane("b", items("b", 2));
    queue.setLane("a", items("a", 2));
    for (const id of ["b1", "a0", "a1", "b0"]) await server.answer(id);
    expect(server.asked).toEqual(["b1", "a0", "a1", "b0"]);
    expect(complete).toEqual(["a", "b"]);
  });

  it("tries again, then gives a frame up; looking at it tries once more", async () => {
    const { queue, server, settled } = makeQueue({ parallel: 1, bytes: 1000 });
    queue.focus([{ key: "a", index: 0 }]);
    queue.setLane("a", items("a", 1));
    for (let n = 0; n < 3; n += 1) await server.answer("a0", "reject");
    expect(server.asked).toHaveLength(3);
    expect(settled).toEqual(["a0!"]);
    expect(queue.hasFailed("a", 0)).toBe(true);
    queue.focus([{ key: "a", index: 0 }]);
    await server.answer("a0");
    expect(settled).toEqual(["a0!", "a0"]);
  });

  it("fetches ahead only as far as memory goes, but always what is looked at", async () => {
    const { queue, server } = makeQueue({ parallel: 1, bytes: 20 });
    queue.focus([{ key: "a", index: 0 }]);
    queue.setLane("a", items("a", 10, 10));
    await server.answer("a0");
    await server.answer("a1");
    expect(server.asked).toEqual(["a0", "a1"]);
    queue.focus([{ key: "a", index: 7 }]);
    expect(server.asked).toEqual(["a0", "a1", "a7"]);
  });

  it("keeps what has come when a series grows, and fetches the rest", async () => {
    const { queue, server, complete } = makeQueue({ parallel: 1, bytes: 1000 });
    queue.focus([{ key: "a", index: 0 }]);
    queue.setLane("a", items("a", 1));
    await server.answer("a0");
    queue.setLane("a", [{ imageId: "new", bytes: 1 }, ...items("a", 1)]);
    expect(server.asked).toEqual(["a0", "new"]);
    expect(queue.isLoaded("a", 1)).toBe(true);
    await server.answer("new");
    expect(complete).toEqual(["a", "a"]);
  });

  it("waits while there is no network, and then tries again what had failed", async () => {
    const { queue, server } = makeQueue({ parallel: 1, bytes: 1000 });
    queue.pause();
    queue.focus([{ key: "a", index: 0 }]);
    queue.setLane("a", items("a", 1));
    expect(server.asked).toEqual([]);
    queue.resume();
    expect(server.asked).toEqual(["a0"]);
  });
});
