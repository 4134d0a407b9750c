"use strict";(self.rspackChunkbookstore=self.rspackChunkbookstore||[]).push([[266],{646(o,e,r){var t=r(601),n=r.n(t),a=r(314),s=(r.n(a))()(n());s.push([o.id,`
.jp-BookstoreState {
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size1);
  line-height: var(--jp-private-toolbar-height, 28px);
  padding: 0 8px;
  white-space: nowrap;
}

.jp-BookstoreVersions {
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size1);
  min-width: 220px;
  overflow-y: auto;
  padding: 12px;
}

.jp-BookstoreVersions h2 {
  font-size: var(--jp-ui-font-size2);
  margin: 0 0 8px;
  overflow-wrap: anywhere;
}

.jp-BookstoreVersions h3 {
  color: var(--jp-ui-font-color2);
  font-size: var(--jp-ui-font-size1);
  margin: 16px 0 4px;
}

.jp-BookstoreVersions ul {
  list-style: none;
  margin: 0;
  padding: 0;
}

.jp-BookstoreVersions summary {
  cursor: pointer;
  padding: 6px 8px;
}

.jp-BookstoreVersions [role='alert'] {
  background: var(--jp-layout-color2);
  border-left: 4px solid var(--jp-warn-color1);
  overflow-wrap: anywhere;
  padding: 8px;
}

.jp-BookstoreVersions-version {
  background: none;
  border: 0;
  border-radius: var(--jp-border-radius);
  color: inherit;
  column-gap: 8px;
  cursor: pointer;
  display: grid;
  font: inherit;
  grid-template-columns: auto 1fr;
  padding: 6px 8px;
  text-align: left;
  width: 100%;
}

.jp-BookstoreVersions-version:hover,
.jp-BookstoreVersions-version[aria-expanded='true'] {
  background: var(--jp-layout-color2);
}

.jp-BookstoreVersions-version span {
  color: var(--jp-ui-font-color2);
  overflow-wrap: anywhere;
}

.jp-BookstoreVersions-version :is(.jp-BookstoreVersions-note, .jp-BookstoreVersions-changes) {
  grid-column: 2;
  white-space: normal;
}

.jp-BookstoreVersions-actions {
  display: flex;
  flex-wrap: wrap;
  gap: 4px;
  padding: 4px 8px 8px;
}

.jp-BookstoreFields label {
  display: grid;
  gap: 4px 8px;
  grid-template-columns: 1fr auto;
  margin-top: 12px;
}

.jp-BookstoreFields input {
  grid-column: 1;
}
`,""]),r.d(e,{},{A:s})},314(o){o.exports=function(o){var e=[];return e.toString=function(){return this.map(function(e){var r="",t=void 0!==e[5];return e[4]&&(r+="@supports (".concat(e[4],") {")),e[2]&&(r+="@media ".concat(e[2]," {")),t&&(r+="@layer".concat(e[5].length>0?" ".concat(e[5]):""," {")),r+=o(e),t&&(r+="}"),e[2]&&(r+="}"),e[4]&&(r+="}"),r}).join("")},e.i=function(o,r,t,n,a){"string"==typeof o&&(o=[[null,o,void 0]]);var s={};if(t)for(var i=0;i<this.length;i++){var p=this[i][0];null!=p&&(s[p]=!0)}for(var c=0;c<o.length;c++){var l=[].concat(o[c]);t&&s[l[0]]||(void 0!==a&&(void 0===l[5]||(l[1]="@layer".concat(l[5].length>0?" ".concat(l[5]):""," {").concat(l[1],"}")),l[5]=a),r&&(l[2]&&(l[1]="@media ".concat(l[2]," {").concat(l[1],"}")),l[2]=r),n&&(l[4]?(l[1]="@supports (".concat(l[4],") {").concat(l[1],"}"),l[4]=n):l[4]="".concat(n)),e.push(l))}},e}},601(o){o.exports=function(o){return o[1]}},665(o,e,r){r.r(e);var t=r(72),n=r.n(t),a=r(825),s=r.n(a),i=r(659),p=r.n(i),c=r(56),l=r.n(c),u=r(540),d=r.n(u),f=r(113),v=r.n(f),h=r(646),m={};m.styleTagTransform=v(),m.setAttributes=l(),m.insert=p().bind(null,"head"),m.domAPI=s(),m.insertStyleElement=d(),n()(h.A,m);let g=h.A&&h.A.locals?h.A.locals:void 0;r.d(e,{},{default:g})},72(o){var e=[];function r(o){for(var r=-1,t=0;t<e.length;t++)if(e[t].identifier===o){r=t;break}return r}function t(o,t){for(var n={},a=[],s=0;s<o.length;s++){var i=o[s],p=t.base?i[0]+t.base:i[0],c=n[p]||0,l="".concat(p," ").concat(c);n[p]=c+1;var u=r(l),d={css:i[1],media:i[2],sourceMap:i[3],supports:i[4],layer:i[5]};if(-1!==u)e[u].references++,e[u].updater(d);else{var f=function(o,e){var r=e.domAPI(e);return r.update(o),function(e){e?(e.css!==o.css||e.media!==o.media||e.sourceMap!==o.sourceMap||e.supports!==o.supports||e.layer!==o.layer)&&r.update(o=e):r.remove()}}(d,t);t.byIndex=s,e.splice(s,0,{identifier:l,updater:f,references:1})}a.push(l)}return a}o.exports=function(o,n){var a=t(o=o||[],n=n||{});return function(o){o=o||[];for(var s=0;s<a.length;s++){var i=r(a[s]);e[i].references--}for(var p=t(o,n),c=0;c<a.length;c++){var l=r(a[c]);0===e[l].references&&(e[l].updater(),e.splice(l,1))}a=p}}},659(o){var e={};o.exports=function(o,r){var t=function(o){if(void 0===e[o]){var r=document.querySelector(o);if(window.HTMLIFrameElement&&r instanceof window.HTMLIFrameElement)try{r=r.contentDocument.head}catch(o){r=null}e[o]=r}return e[o]}(o);if(!t)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");t.appendChild(r)}},540(o){o.exports=function(o){var e=document.createElement("style");return o.setAttributes(e,o.attributes),o.insert(e,o.options),e}},56(o,e,r){o.exports=function(o){var e=r.nc;e&&o.setAttribute("nonce",e)}},825(o){o.exports=function(o){if("u"<typeof document)return{update:function(){},remove:function(){}};var e=o.insertStyleElement(o);return{update:function(r){var t,n,a;t="",r.supports&&(t+="@supports (".concat(r.supports,") {")),r.media&&(t+="@media ".concat(r.media," {")),(n=void 0!==r.layer)&&(t+="@layer".concat(r.layer.length>0?" ".concat(r.layer):""," {")),t+=r.css,n&&(t+="}"),r.media&&(t+="}"),r.supports&&(t+="}"),(a=r.sourceMap)&&"u">typeof btoa&&(t+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(a))))," */")),o.styleTagTransform(t,e,o.options)},remove:function(){var o;null===(o=e).parentNode||o.parentNode.removeChild(o)}}}},113(o){o.exports=function(o,e){if(e.styleSheet)e.styleSheet.cssText=o;else{for(;e.firstChild;)e.removeChild(e.firstChild);e.appendChild(document.createTextNode(o))}}}}]);