"use strict";(self.rspackChunkbookstore=self.rspackChunkbookstore||[]).push([[266],{646(e,o,r){var t=r(601),n=r.n(t),a=r(314),i=(r.n(a))()(n());i.push([e.id,`
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
  cursor: pointer;
  display: flex;
  font: inherit;
  gap: 8px;
  padding: 6px 8px;
  text-align: left;
  width: 100%;
}

.jp-BookstoreVersions-version:hover,
.jp-BookstoreVersions-version[aria-expanded='true'] {
  background: var(--jp-layout-color2);
}

.jp-BookstoreVersions-version time {
  flex-shrink: 0;
}

.jp-BookstoreVersions-version span {
  color: var(--jp-ui-font-color2);
  overflow-wrap: anywhere;
}

.jp-BookstoreVersions-actions {
  display: flex;
  flex-wrap: wrap;
  gap: 4px;
  padding: 4px 8px 8px;
}

.jp-BookstorePublished label {
  display: grid;
  gap: 4px 8px;
  grid-template-columns: 1fr auto;
  margin-top: 12px;
}

.jp-BookstorePublished input {
  grid-column: 1;
}
`,""]),r.d(o,{},{A:i})},314(e){e.exports=function(e){var o=[];return o.toString=function(){return this.map(function(o){var r="",t=void 0!==o[5];return o[4]&&(r+="@supports (".concat(o[4],") {")),o[2]&&(r+="@media ".concat(o[2]," {")),t&&(r+="@layer".concat(o[5].length>0?" ".concat(o[5]):""," {")),r+=e(o),t&&(r+="}"),o[2]&&(r+="}"),o[4]&&(r+="}"),r}).join("")},o.i=function(e,r,t,n,a){"string"==typeof e&&(e=[[null,e,void 0]]);var i={};if(t)for(var s=0;s<this.length;s++){var p=this[s][0];null!=p&&(i[p]=!0)}for(var c=0;c<e.length;c++){var u=[].concat(e[c]);t&&i[u[0]]||(void 0!==a&&(void 0===u[5]||(u[1]="@layer".concat(u[5].length>0?" ".concat(u[5]):""," {").concat(u[1],"}")),u[5]=a),r&&(u[2]&&(u[1]="@media ".concat(u[2]," {").concat(u[1],"}")),u[2]=r),n&&(u[4]?(u[1]="@supports (".concat(u[4],") {").concat(u[1],"}"),u[4]=n):u[4]="".concat(n)),o.push(u))}},o}},601(e){e.exports=function(e){return e[1]}},665(e,o,r){r.r(o);var t=r(72),n=r.n(t),a=r(825),i=r.n(a),s=r(659),p=r.n(s),c=r(56),u=r.n(c),l=r(540),d=r.n(l),f=r(113),v=r.n(f),h=r(646),m={};m.styleTagTransform=v(),m.setAttributes=u(),m.insert=p().bind(null,"head"),m.domAPI=i(),m.insertStyleElement=d(),n()(h.A,m);let g=h.A&&h.A.locals?h.A.locals:void 0;r.d(o,{},{default:g})},72(e){var o=[];function r(e){for(var r=-1,t=0;t<o.length;t++)if(o[t].identifier===e){r=t;break}return r}function t(e,t){for(var n={},a=[],i=0;i<e.length;i++){var s=e[i],p=t.base?s[0]+t.base:s[0],c=n[p]||0,u="".concat(p," ").concat(c);n[p]=c+1;var l=r(u),d={css:s[1],media:s[2],sourceMap:s[3],supports:s[4],layer:s[5]};if(-1!==l)o[l].references++,o[l].updater(d);else{var f=function(e,o){var r=o.domAPI(o);return r.update(e),function(o){o?(o.css!==e.css||o.media!==e.media||o.sourceMap!==e.sourceMap||o.supports!==e.supports||o.layer!==e.layer)&&r.update(e=o):r.remove()}}(d,t);t.byIndex=i,o.splice(i,0,{identifier:u,updater:f,references:1})}a.push(u)}return a}e.exports=function(e,n){var a=t(e=e||[],n=n||{});return function(e){e=e||[];for(var i=0;i<a.length;i++){var s=r(a[i]);o[s].references--}for(var p=t(e,n),c=0;c<a.length;c++){var u=r(a[c]);0===o[u].references&&(o[u].updater(),o.splice(u,1))}a=p}}},659(e){var o={};e.exports=function(e,r){var t=function(e){if(void 0===o[e]){var r=document.querySelector(e);if(window.HTMLIFrameElement&&r instanceof window.HTMLIFrameElement)try{r=r.contentDocument.head}catch(e){r=null}o[e]=r}return o[e]}(e);if(!t)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");t.appendChild(r)}},540(e){e.exports=function(e){var o=document.createElement("style");return e.setAttributes(o,e.attributes),e.insert(o,e.options),o}},56(e,o,r){e.exports=function(e){var o=r.nc;o&&e.setAttribute("nonce",o)}},825(e){e.exports=function(e){if("u"<typeof document)return{update:function(){},remove:function(){}};var o=e.insertStyleElement(e);return{update:function(r){var t,n,a;t="",r.supports&&(t+="@supports (".concat(r.supports,") {")),r.media&&(t+="@media ".concat(r.media," {")),(n=void 0!==r.layer)&&(t+="@layer".concat(r.layer.length>0?" ".concat(r.layer):""," {")),t+=r.css,n&&(t+="}"),r.media&&(t+="}"),r.supports&&(t+="}"),(a=r.sourceMap)&&"u">typeof btoa&&(t+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(a))))," */")),e.styleTagTransform(t,o,e.options)},remove:function(){var e;null===(e=o).parentNode||e.parentNode.removeChild(e)}}}},113(e){e.exports=function(e,o){if(o.styleSheet)o.styleSheet.cssText=e;else{for(;o.firstChild;)o.removeChild(o.firstChild);o.appendChild(document.createTextNode(e))}}}}]);