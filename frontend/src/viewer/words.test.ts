// @vitest-environment node
/** Both languages say everything, and everything that the viewer says is there. */

import { expect, test } from "vitest";

import en from "./words/en.json";
import zhCN from "./words/zh-CN.json";

function textsOf(words: object, path = ""): [key: string, text: string][] {
  return Object.entries(words).flatMap(([key, value]): [string, string][] =>
    typeof value === "string" ? [[`${path}${key}`, value]] : textsOf(value as object, `${path}${key}.`),
  );
}
const keysOf = (words: object): string[] => textsOf(words).map(([key]) => key);
const sources = import.meta.glob<string>(["./**/*.tsx", "./**/*.ts", "!./**/*.test.ts"], { query: "?raw", import: "default", eager: true });

test("every word is there in both languages", () => {
  // Chinese has one plural.
  expect(keysOf(zhCN).sort()).toEqual(keysOf(en).filter((key) => !key.endsWith("_one")).sort());
});

test("what is filled in is the same in both languages", () => {
  const gapsOf = (words: object) => Object.fromEntries(textsOf(words).map(([key, text]) => [key, [...text.matchAll(/\{\{\w+\}\}/g)].map(String).sort()]));
  const chinese = gapsOf(zhCN);
  for (const [key, gaps] of Object.entries(gapsOf(en))) if (key in chinese) expect(chinese[key], key).toEqual(gaps);
});

test("every text that the code asks for by its whole key exists", () => {
  const keys = new Set(keysOf(en).map((key) => key.replace(/_(one|other)$/, "")));
  const asked = Object.values(sources).flatMap((source) => [...source.matchAll(/\bt\("([\w.]+)"/g)].map(([, key]) => key));
  expect(asked.length).toBeGreaterThan(40);
  expect(asked.filter((key) => key && !keys.has(key))).toEqual([]);
});
