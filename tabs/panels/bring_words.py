"""What the panel for bringing data says before anything is brought."""

from tabs.drawing.markup import empty_state

DROP = """
<div class="lab-drop" tabindex="0">
  <strong>Drop it here</strong>
  <p>A folder, a zip archive, many pictures, a table, or a table and pictures together. Or paste a picture, or cells.</p>
  <p><button type="button" data-open="files">Choose files</button>
  <button type="button" data-open="folder">Choose a folder</button>
  <button type="button" data-record title="Hold to record; a click counts down and records two seconds">Camera: hold to
  record</button></p>
  <video muted playsinline hidden></video>
  <p class="lab-tray" hidden><span></span> <button type="button" data-use>Use them</button>
  <button type="button" data-clear>Clear</button></p>
  <input type="file" class="files" multiple hidden><input type="file" class="folder" webkitdirectory hidden>
  <div class="lab-drop-bar"><span></span></div>
  <p class="lab-small"><span class="lab-drop-said" aria-live="polite"></span>
  <button type="button" data-stop hidden>Stop</button></p>
</div>
"""
WHAT = """
<details class="lab-what"><summary>What is understood</summary><ul>
<li><strong>One label a picture</strong>: a folder of pictures for each label, or a table with a column of labels.</li>
<li><strong>Several tags a picture</strong>: a table with a column of tags, or columns of 0 and 1.</li>
<li><strong>Masks</strong>: pictures and masks in two folders, as codes, a palette or colours.</li>
<li><strong>A point</strong>, or <strong>numbers</strong>: a table with columns of numbers, and the pictures.</li>
<li><strong>Texts</strong>: a table with a column of texts and one of labels, or folders of text files.</li>
<li>What <strong>COCO, VOC, YOLO, LabelMe and Label Studio</strong> export.</li>
</ul></details>
"""
NOTHING = empty_state("Nothing brought yet", "What is understood of it shows here, before anything is kept or trained.")
PRIVATE = (
    "What you bring stays on the machine that this page runs on, and is shown to nobody else on this page. Delete it whenever "
    "you like, for good too."
)
