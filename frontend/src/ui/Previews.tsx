/** Pictures of samples, each with what it shows; a click makes one larger. */

import { Badge, Modal, SimpleGrid, Text, UnstyledButton } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Schemas } from "../api/client";

export type Preview = Schemas["Preview"];

const COLOURS: Record<string, string> = { right: "teal", wrong: "red", generated: "grape" };
// A few pictures are grids of many samples, and larger.
const LARGEST_PX = 320;
const sourceOf = (preview: Preview): string => `data:image/png;base64,${preview.png}`;

/** `isRow`: one of several rows below each other, whose pictures are of one width. */
export function Previews({ previews, isRow = false }: { previews: readonly Preview[]; isRow?: boolean }): ReactNode {
  const { t } = useTranslation();
  const [shown, setShown] = useState<Preview | null>(null);
  // Kinds that are all the same say nothing on each picture, save that it is no patient's.
  const kinds = new Set(previews.map(({ kind }) => kind));
  const count = previews.length;
  const cols = isRow
    ? { base: 3, xs: 6 }
    : { base: Math.min(count, 3), xs: Math.min(count, 4), md: Math.min(count, 6) };
  return (
    <>
      <SimpleGrid cols={cols} spacing={6} className="previews" {...(isRow ? {} : { maw: count * LARGEST_PX })}>
        {previews.map((preview, index) => {
          const kind = t(`preview.kinds.${preview.kind}`, { defaultValue: preview.kind });
          return (
            <UnstyledButton
              key={index}
              aria-label={t("preview.larger")}
              onClick={() => {
                setShown(preview);
              }}
            >
              <img
                src={sourceOf(preview)}
                alt={preview.caption ? t("preview.alt", { kind, caption: preview.caption }) : kind}
                data-kind={preview.kind}
              />
              {(kinds.size > 1 || preview.kind === "generated") && preview.kind !== "varied" && (
                <Badge size="xs" variant="light" color={COLOURS[preview.kind] ?? "gray"} tt="none">
                  {kind}
                </Badge>
              )}
              {preview.caption && (
                <Text size="xs" c="dimmed" lineClamp={2}>
                  {preview.caption}
                </Text>
              )}
            </UnstyledButton>
          );
        })}
      </SimpleGrid>
      <Modal
        opened={shown !== null}
        onClose={() => {
          setShown(null);
        }}
        title={shown?.caption}
        size="lg"
        centered
      >
        {shown && <img src={sourceOf(shown)} alt={shown.caption} className="preview-large" />}
      </Modal>
    </>
  );
}
