/** Layouts that one or the team has kept: chosen, made of what is on screen, and told for which studies they open. */

import { ActionIcon, Button, Checkbox, Group, Modal, NumberInput, TagsInput, TextInput } from "@mantine/core";
import { IconPencil, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { layoutOf, NO_RULES, type Protocol, type Rules } from "../logic/hanging";
import { mayManage } from "../state/rights";
import { changeProtocol, createProtocol, deleteProtocol, detailOf, fetchProtocols } from "../state/server";
import { useProtocols } from "../state/protocols";
import { useViewer } from "../state/viewerStore";
import styles from "./hanging.module.css";

interface Draft {
  id: string | null;
  revision: number;
  name: string;
  isShared: boolean;
  withWindows: boolean;
  /** What is on screen takes the place of the layout that was kept. */
  takesLayout: boolean;
  rules: Rules;
}

export default function SavedLayouts({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation("viewer");
  const team = useViewer((state) => state.team);
  const protocols = useProtocols((state) => state.protocols);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [trouble, setTrouble] = useState("");
  const done = async (act: Promise<unknown>): Promise<void> => {
    setTrouble("");
    try {
      await act;
      setDraft(null);
    } catch (error) {
      setTrouble(detailOf(error));
    }
    useProtocols.setState({ protocols: await fetchProtocols(team).catch(() => protocols) });
  };
  const begin = (): void => {
    const shown = useViewer.getState().study?.series.filter((series) => series.is_displayable) ?? [];
    setDraft({ id: null, revision: 0, name: "", isShared: false, withWindows: false, takesLayout: true, rules: { ...NO_RULES, modalities: [...new Set(shown.map(({ modality }) => modality))], is_automatic: true } });
  };
  const edit = ({ id, name, revision, is_shared: isShared, rules }: Protocol): void => { setDraft({ id, revision, name, isShared, withWindows: false, takesLayout: false, rules }); };
  return (
    <Modal opened onClose={onClose} title={t("hanging.title")} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
      {trouble && <p role="alert">{trouble}</p>}
      {draft ? <Form team={team} draft={draft} onCancel={() => { setDraft(null); }} onSave={(made) => { void done(save(team, made)); }} /> : (
        <>
          {!protocols.length && <p className={styles.hint}>{t("hanging.none")}</p>}
          <ul className={styles.list}>
            {protocols.map((one) => (
              <li key={one.id}>
                <span><b>{one.name}</b> <small>{[t(one.is_shared ? "hanging.of_team" : "hanging.own"), one.rules.is_automatic && t("hanging.automatic"), one.rules.modalities.join(" "), one.rules.description].filter(Boolean).join(" · ")}</small></span>
                {(!one.is_shared || mayManage(team)) && (
                  <>
                    <ActionIcon variant="subtle" color="gray" aria-label={t("hanging.edit", { name: one.name })} onClick={() => { edit(one); }}><IconPencil size={16} /></ActionIcon>
                    <ActionIcon variant="subtle" color="red" aria-label={t("hanging.delete", { name: one.name })} onClick={() => { void done(deleteProtocol(team, one.id)); }}><IconTrash size={16} /></ActionIcon>
                  </>
                )}
              </li>
            ))}
          </ul>
          <Button size="sm" onClick={begin}>{t("hanging.save_this")}</Button>
        </>
      )}
    </Modal>
  );
}

function save(team: string, { id, revision, name, isShared, withWindows, takesLayout, rules }: Draft): Promise<unknown> {
  const { rows, columns, panes, links, study, others } = useViewer.getState();
  const layout = layoutOf(rows, columns, panes, links, study?.series ?? [], Object.values(others)[0]?.series ?? [], withWindows);
  if (id === null) return createProtocol(team, { name, is_shared: isShared, layout, rules });
  return changeProtocol(team, id, { based_on: revision, name, rules, ...(takesLayout && { layout }) });
}

function Form({ team, draft, onCancel, onSave }: { team: string; draft: Draft; onCancel: () => void; onSave: (draft: Draft) => void }) {
  const { t } = useTranslation("viewer");
  const [now, setNow] = useState(draft);
  const change = (part: Partial<Draft>): void => { setNow({ ...now, ...part }); };
  const rule = (part: Partial<Rules>): void => { setNow({ ...now, rules: { ...now.rules, ...part } }); };
  const numberOf = (value: string | number): number | null => (typeof value === "number" ? value : null);
  return (
    <form className={styles.form} onSubmit={(event) => { event.preventDefault(); onSave(now); }}>
      <TextInput label={t("hanging.name")} required autoFocus maxLength={60} value={now.name} onChange={({ currentTarget }) => { change({ name: currentTarget.value }); }} />
      {now.id === null && mayManage(team) && <Checkbox label={t("hanging.share")} checked={now.isShared} onChange={({ currentTarget }) => { change({ isShared: currentTarget.checked }); }} />}
      {now.id !== null && <Checkbox label={t("hanging.take_layout")} checked={now.takesLayout} onChange={({ currentTarget }) => { change({ takesLayout: currentTarget.checked }); }} />}
      {now.takesLayout && <Checkbox label={t("hanging.with_windows")} checked={now.withWindows} onChange={({ currentTarget }) => { change({ withWindows: currentTarget.checked }); }} />}
      <Checkbox label={t("hanging.open_automatically")} checked={now.rules.is_automatic} onChange={({ currentTarget }) => { rule({ is_automatic: currentTarget.checked }); }} />
      {now.rules.is_automatic && (
        <>
          <TagsInput label={t("hanging.modalities")} value={[...now.rules.modalities]} maxTags={20} onChange={(modalities) => { rule({ modalities: modalities.map((one) => one.toUpperCase().slice(0, 16)) }); }} />
          <TextInput label={t("hanging.description")} maxLength={64} value={now.rules.description} onChange={({ currentTarget }) => { rule({ description: currentTarget.value }); }} />
          <TextInput label={t("hanging.body_part")} maxLength={16} value={now.rules.body_part} onChange={({ currentTarget }) => { rule({ body_part: currentTarget.value }); }} />
          <Group grow>
            <NumberInput label={t("hanging.fewest")} min={0} max={10000} value={now.rules.fewest_series ?? ""} onChange={(value) => { rule({ fewest_series: numberOf(value) }); }} />
            <NumberInput label={t("hanging.most")} min={0} max={10000} value={now.rules.most_series ?? ""} onChange={(value) => { rule({ most_series: numberOf(value) }); }} />
          </Group>
        </>
      )}
      <Group>
        <Button type="submit" disabled={!now.name.trim()}>{t("hanging.save")}</Button>
        <Button variant="default" onClick={onCancel}>{t("cancel")}</Button>
      </Group>
    </form>
  );
}
