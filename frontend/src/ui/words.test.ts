/** Both languages say everything. Texts that the site itself gives in English are only there in Chinese. */

import { expect, test } from "vitest";

import en from "./words/en.json";
import zhCN from "./words/zh-CN.json";

function keysOf(words: object, path = ""): string[] {
  return Object.entries(words).flatMap(([key, value]) =>
    typeof value === "string" ? [`${path}${key}`] : keysOf(value as object, `${path}${key}.`),
  );
}
const isOfSite = (key: string): boolean => /^setting\..*\.help(_\w+)?$/.test(key);

test("every word is there in both languages", () => {
  expect(keysOf(zhCN).filter((key) => !isOfSite(key)).sort()).toEqual(keysOf(en).sort());
});

test("every setting that has a label is explained in Chinese", () => {
  expect(Object.entries(zhCN.setting).filter(([, { label, help }]) => !label || !help)).toEqual([]);
});

test("what is filled in is the same in both languages", () => {
  const gaps = (words: object): Record<string, string[]> =>
    Object.fromEntries(
      keysOf(words).map((key) => {
        const text = key.split(".").reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], words) as string;
        return [key, [...text.matchAll(/\{\{\w+\}\}/g)].map(([name]) => name).sort()];
      }),
    );
  const chinese = gaps(zhCN);
  for (const [key, names] of Object.entries(gaps(en))) expect(chinese[key], key).toEqual(names);
});
