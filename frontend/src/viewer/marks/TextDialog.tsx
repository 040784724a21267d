/** Asks for the words of an arrow or a text. */

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useMarks } from "../state/marksStore";

export function TextDialog() {
  const asking = useMarks((state) => state.asking);
  return asking && <Asking key={asking.before} before={asking.before} answer={asking.answer} />;
}

function Asking({ before, answer }: { before: string; answer: (text: string) => void }) {
  const { t } = useTranslation("viewer");
  const [text, setText] = useState(before);
  return (
    <Modal opened onClose={() => { answer(""); }} title={t("marks.words")} size="sm" closeButtonProps={{ "aria-label": t("close") }}>
      <form onSubmit={(event) => { event.preventDefault(); answer(text.trim()); }}>
        <TextInput data-autofocus aria-label={t("marks.words")} value={text} maxLength={200} onChange={({ currentTarget }) => { setText(currentTarget.value); }} />
        <Group justify="flex-end" mt="sm">
          <Button variant="default" onClick={() => { answer(""); }}>{t("cancel")}</Button>
          <Button type="submit" disabled={!text.trim()}>{t("marks.set_words")}</Button>
        </Group>
      </form>
    </Modal>
  );
}
